"""Language models of every family beside transformers: whole sequences, greedy continuations, both directions."""

import keras
import numpy as np
import pytest
import tiny_language_models
from tiny_language_models import CASES, VOCABULARY, reference

import zoo
from zoo.architectures import architecture_named
from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.checkpoints.hugging_face import load_hugging_face, save_hugging_face

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PROMPTS = [
    np.random.default_rng(seed).integers(3, VOCABULARY, size=length).tolist()
    for seed, length in enumerate([1, 2, 3, 5, 8, 11, 13, 17])
]
NEW = 12


@pytest.fixture(scope="module", params=CASES)
def pair(request, tmp_path_factory):
    """The name of a case, its directory, transformers' model and ours."""
    directory = tmp_path_factory.mktemp(request.param)
    theirs = reference(request.param)
    theirs.save_pretrained(directory)
    return request.param, directory, theirs, load_hugging_face(directory).model


def their_logits(model, token_ids):
    with torch.no_grad():
        return model(torch.tensor(token_ids)).logits.numpy()


def test_logits_are_those_of_transformers(pair):
    _, _, theirs, ours = pair
    token_ids = np.random.default_rng(7).integers(3, VOCABULARY, size=(3, 23))
    expected = their_logits(theirs, token_ids)
    np.testing.assert_allclose(ours({"token_ids": token_ids}), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_greedy_continuations_are_those_of_transformers(pair):
    """All prompts in one batch with a cache, far beyond every window; transformers one by one without a cache."""
    _, _, theirs, ours = pair
    longest = max(map(len, PROMPTS))
    padded = np.array([prompt[:-1] + [0] * (longest - len(prompt)) for prompt in PROMPTS], "int32")
    mask = np.arange(longest - 1) < np.array([[len(prompt) - 1] for prompt in PROMPTS])
    cache, step = ours.after_prompts(padded, mask, NEW)
    token, found = np.array([prompt[-1] for prompt in PROMPTS], "int32"), []
    for index in range(NEW):
        logits, cache = step(token, index, cache)
        token = np.asarray(logits).argmax(-1).astype("int32")
        found.append(token)
    for prompt, row in zip(PROMPTS, np.transpose(found), strict=True):
        expected = list(prompt)
        for _ in range(NEW):
            expected.append(int(their_logits(theirs, [expected])[0, -1].argmax()))
        assert [*prompt, *row.tolist()] == expected


def test_written_directories_are_read_by_transformers(pair, tmp_path):
    name, _, theirs, ours = pair
    save_hugging_face(ours, tmp_path, end_token_id=2, begin_token_id=1)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager").eval()
    token_ids = np.random.default_rng(8).integers(3, VOCABULARY, size=(2, 19))
    np.testing.assert_allclose(their_logits(again, token_ids), their_logits(theirs, token_ids), rtol=0, atol=1e-4)
    # The first family that can say it: a Mistral without a window is a Llama.
    others = {"mistral_everything": "llama", "phi3": "llama", "phi3_windows": "phi3"}
    assert again.config.model_type == others.get(name, theirs.config.model_type)


def test_keras_files_and_configurations(pair, tmp_path):
    _, _, _, ours = pair
    token_ids = np.random.default_rng(9).integers(3, VOCABULARY, size=(2, 11))
    expected = np.asarray(ours({"token_ids": token_ids}))
    ours.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again({"token_ids": token_ids}), expected, rtol=0, atol=1e-6)


def test_a_directory_is_loaded_as_a_text_generator(tmp_path, monkeypatch):
    """With the tokenizer of Qwen2's kind that transformers reads from the same directory."""
    tokenizers = pytest.importorskip("tokenizers")
    words = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    blanks = r"\s*[\r\n]+|\s+(?!\S)|\s+"
    pieces = tokenizers.pre_tokenizers
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    tokenizer.pre_tokenizer = pieces.Sequence(
        [
            pieces.Split(tokenizers.Regex(f"{words}|{blanks}"), "isolated"),
            pieces.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=270,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pieces.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the lower, the slower 12 times"] * 5, trainer)
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>")
    theirs.save_pretrained(tmp_path)
    monkeypatch.setitem(tiny_language_models._SIZES, "vocab_size", tokenizer.get_vocab_size())
    model = reference("qwen2")
    model.generation_config.pad_token_id = 0
    model.save_pretrained(tmp_path)
    generator = zoo.load(tmp_path)
    prompts = ["the lower", "12 times\n", "e\u0301 </s>"]
    for prompt, found in zip(prompts, generator(prompts, max_new_tokens=8), strict=True):
        ids = theirs(prompt, split_special_tokens=True, return_tensors="pt", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            whole = model.generate(ids, max_new_tokens=8, do_sample=False)
        assert found == theirs.decode(whole[0, ids.shape[1] :], skip_special_tokens=True)


@pytest.mark.parametrize("family", ["Llama", "Mistral", "Qwen2", "Qwen3", "SmolLM3", "Phi3", "Gemma2", "Gemma3Text"])
def test_what_a_configuration_leaves_out_is_what_transformers_takes(family):
    """The reference is a configuration in full, as transformers fills it up."""
    config = getattr(transformers, f"{family}Config")
    sizes = dict(vocab_size=47, hidden_size=64, intermediate_size=32, num_hidden_layers=31, num_attention_heads=4)
    architecture = architecture_named(config.model_type)
    filled = config(**sizes, pad_token_id=0).to_dict()
    short = architecture.arguments(ConfigurationKeys(sizes, "short"))
    assert short == architecture.arguments(ConfigurationKeys(filled, "filled"))
