"""Encoder-decoders as Hugging Face directories: what transformers makes of them, and what comes back."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import transformers
from added_token_shapes import SHAPES, read, texts_with, write
from test_sentencepiece_tokenizer import HARD_TEXTS
from tiny_checkpoints import answers_of_transformers, sentences, write_bart, write_marian
from tiny_sentencepiece import write_mbart, write_pegasus, write_t5
from tiny_sequence_to_sequence import EVERY, MODELS, logits, make_reference, reference_logits
from tiny_translation import LINES, make_tiny_model

import zoo
from zoo.checkpoints import load_hugging_face, save_hugging_face
from zoo.checkpoints.hugging_face import load_sequence_to_sequence_tokenizers, sequence_to_sequence_tokenizer_files
from zoo.convert.conversion import convert
from zoo.errors import UserError
from zoo.models import EncoderDecoder
from zoo.tasks import SummarizationSettings, TranslationSettings, Translator

TEXTS = [*sentences(54, seed=2), "x", "größer 中文 ☃", "two  dogs"]


def loaded(directory, family):
    """transformers' model, which must find every tensor and no other."""
    model, report = MODELS[family][1].from_pretrained(directory, output_loading_info=True)
    assert not any(report.values()), report
    return model.eval()


@pytest.mark.parametrize(("family", "option"), EVERY)
def test_logits_after_a_round_trip(tmp_path, family, option):
    reference = make_reference(family, option)
    reference.save_pretrained(tmp_path / "first")
    found = load_hugging_face(tmp_path / "first")
    ids = {name: getattr(reference.config, name) for name in ("pad_token_id", "eos_token_id", "bos_token_id")}
    save_hugging_face(
        found.model,
        tmp_path / "second",
        start_token_id=found.generation["start_token_id"],
        pad_token_id=ids["pad_token_id"],
        end_token_id=ids["eos_token_id"],
        begin_token_id=ids["bos_token_id"],
    )
    again = loaded(tmp_path / "second", family)
    expected = reference_logits(reference)
    np.testing.assert_allclose(reference_logits(again), expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(logits(load_hugging_face(tmp_path / "second").model), logits(found.model))
    for name, value in {**ids, "decoder_start_token_id": reference.config.decoder_start_token_id}.items():
        assert getattr(again.config, name) == value
    same = ("d_model", "encoder_ffn_dim", "decoder_attention_heads", "dropout", "scale_embedding", "vocab_size")
    assert all(getattr(again.config, name) == getattr(reference.config, name) for name in same)


@pytest.mark.parametrize("kind", ["marian", "marian_separate", "bart"])
def test_answers_after_a_round_trip(tmp_path, kind):
    if kind == "bart":
        model, tokenizer = write_bart(tmp_path / "first")
    else:
        model, tokenizer = write_marian(tmp_path / "first", joint=kind == "marian", no_repeat_ngram_size=0)
    convert(tmp_path / "first", tmp_path / "preset")
    name = "Summarizer" if kind == "bart" else "Translator"
    written = convert(tmp_path / "preset", tmp_path / "second", to="hugging-face")
    assert written == f"{tmp_path / 'second'}: a Hugging Face directory of {name}"
    again = loaded(tmp_path / "second", kind.partition("_")[0])
    tokenizer_again = transformers.AutoTokenizer.from_pretrained(tmp_path / "second")
    assert tokenizer_again(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]
    expected = answers_of_transformers(model, tokenizer, TEXTS)
    assert answers_of_transformers(again, tokenizer_again, TEXTS) == expected and len(set(expected)) > 20
    first, second = (zoo.load(tmp_path / name) for name in ("preset", "second"))
    assert first.settings == second.settings


WRITERS = {
    "t5": write_t5,
    "t5 1.1": lambda directory: write_t5(directory, "1.1"),
    "pegasus": write_pegasus,
    "mbart": lambda directory: write_mbart(
        directory, config={"src_lang": "de_DE", "tgt_lang": "ro_RO", "clean_up_tokenization_spaces": True}
    ),
    "mbart50": lambda directory: write_mbart(directory, "mbart50", {"src_lang": "gl_ES", "tgt_lang": "sl_SI"}),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_sentencepiece_families_after_a_round_trip(tmp_path, kind):
    """Logits, ids and answers of transformers, and the settings here."""
    model, tokenizer = WRITERS[kind](tmp_path / "first")
    convert(tmp_path / "first", tmp_path / "preset")
    convert(tmp_path / "preset", tmp_path / "second", to="hugging-face")
    again, report = type(model).from_pretrained(tmp_path / "second", output_loading_info=True)
    assert not any(report.values()), report
    tokenizer_again = transformers.AutoTokenizer.from_pretrained(tmp_path / "second")
    assert (
        type(tokenizer_again) is type(tokenizer)
        and tokenizer_again(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]
    )
    options = {"suppress_tokens": list(range(len(tokenizer), model.config.vocab_size)) or None}
    if kind == "mbart":
        options["decoder_start_token_id"] = tokenizer.convert_tokens_to_ids("ro_RO")
    elif kind == "mbart50":
        options["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids("sl_SI")
    expected = answers_of_transformers(model, tokenizer, TEXTS, **options)
    assert answers_of_transformers(again.eval(), tokenizer_again, TEXTS) == expected and len(set(expected)) > 20
    first, second = (zoo.load(tmp_path / name) for name in ("preset", "second"))
    configs = [{**task.model.get_config(), "name": None} for task in (first, second)]
    assert first.settings == second.settings and configs[0] == configs[1]


SENTENCEPIECE_SHAPES = {"T5: {, }, <": "t5", "mBART: new tokens": "mbart", "PEGASUS: new tokens": "pegasus"}


@pytest.mark.parametrize("name", [*SENTENCEPIECE_SHAPES, "mBART-50: new tokens"])
def test_sentencepiece_tokenizers_are_written_as_they_were_read(tmp_path, name):
    """What transformers makes of the directory written is what it makes of the one read, added tokens included."""
    theirs = write(name, tmp_path / "first")
    family = SHAPES[name][1]
    found = load_sequence_to_sequence_tokenizers(tmp_path / "first", family, 10**6)
    around = {f"source_{side}_ids": getattr(found, f"source_{side}_ids") for side in ("prefix", "suffix")}
    settings = asdict(SummarizationSettings(max_source_length=99, **around))
    (tmp_path / "second").mkdir()
    files = sequence_to_sequence_tokenizer_files(family, found.source, found.target, settings)
    for file, save in files.items():
        save(tmp_path / "second" / file)
    (tmp_path / "second" / "config.json").write_text((tmp_path / "first" / "config.json").read_text())
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "second")
    texts = [*HARD_TEXTS, *texts_with(SHAPES[name][2], 1000), *sentences(100)]
    assert again(texts)["input_ids"] == theirs(texts)["input_ids"] and again.model_max_length == 99
    assert again.get_vocab() == theirs.get_vocab() and again.all_special_tokens == theirs.all_special_tokens
    ids = found.source.encode(texts).to_list()
    assert read(name, tmp_path / "second").encode(texts).to_list() == ids
    assert len({token.id for token in found.source.added_tokens} & {number for row in ids for number in row}) > 2


@pytest.fixture(scope="module")
def from_scratch(tiny_tokenizer):
    """As recipes.translation trains it."""
    model = make_tiny_model(tiny_tokenizer, norm="post", positions="sinusoidal", tied_embeddings="target")
    settings = TranslationSettings(num_beams=3, max_new_tokens=14, max_source_length=38, length_penalty=0.7)
    return Translator(model, tiny_tokenizer, settings=settings)


@pytest.mark.usefixtures("untraced_tasks")
def test_a_translator_trained_from_scratch(from_scratch, tmp_path):
    from_scratch.save(tmp_path / "preset")
    written = convert(tmp_path / "preset", tmp_path / "model", to="hugging-face")
    assert "a Hugging Face directory of Translator, without its limit of answers" in written
    assert written.endswith("its own table of positions, which transformers leaves out where it saves the model again")
    model = loaded(tmp_path / "model", "marian")
    np.testing.assert_allclose(reference_logits(model), logits(from_scratch.model), rtol=0, atol=1e-5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    words = [line for line in LINES if isinstance(line, str)]
    texts = sentences(80, " ".join(words).split(), seed=5)
    ids = {text: row for text, row in zip(texts, from_scratch.tokenizer.encode(texts).to_list(), strict=True)}
    texts = [text for text in ids if len(ids[text]) < 38]
    assert tokenizer(texts)["input_ids"] == [[*ids[text], from_scratch.tokenizer.eos_id] for text in texts]
    for beams in (1, 3):
        found = from_scratch(texts, num_beams=beams)
        expected = answers_of_transformers(model, tokenizer, texts, num_beams=beams)
        assert [text.strip() for text in found] == expected and len(set(found)) > 15 and len(found) >= 50
    again = zoo.load(tmp_path / "model")
    assert again.model.get_config()["positions"] == "sinusoidal"
    assert again(texts[:9]) == [text.strip() for text in from_scratch(texts[:9])]


def small(**options):
    sizes = dict(hidden_dim=8, intermediate_dim=8, num_heads=2, num_encoder_layers=1, num_decoder_layers=1)
    return EncoderDecoder(**{"source_vocabulary_size": 9, "target_vocabulary_size": 9, **sizes, **options})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"positions": "learned"}, "no BartForConditionalGeneration with position_offset=0, only with 2"),
        ({"embedding_norm": True}, "no MarianMTModel with embedding_norm=True, only with False"),
        ({"layer_norm_epsilon": 1e-6}, "no MarianMTModel with layer_norm_epsilon=1e-06, only with 1e-05"),
        (
            {"norm": "pre", "tied_embeddings": "target"},
            "no PegasusForConditionalGeneration with tied_embeddings='target', only with 'all'",
        ),
    ],
)
def test_models_that_transformers_does_not_have(tmp_path, options, words):
    with pytest.raises(UserError) as caught:
        save_hugging_face(small(**options), tmp_path / "model", end_token_id=2)
    assert words in str(caught.value) and "\n" not in str(caught.value) and not (tmp_path / "model").exists()


def test_tasks_that_transformers_does_not_have(from_scratch, tiny_tokenizer, tmp_path):
    def refuse(task, words):
        task.save(tmp_path / "preset")
        with pytest.raises(UserError) as caught:
            convert(tmp_path / "preset", tmp_path / "model", to="hugging-face")
        assert words in str(caught.value) and "\n" not in str(caught.value) and not (tmp_path / "model").exists()

    refuse(from_scratch.with_settings(length_penalty_type="gnmt"), "has no length_penalty_type 'gnmt', only 'average'")
    refuse(from_scratch.with_settings(source_prefix_ids=(5,)), "does not put the tokens ((5,), None) around a text")
    model = make_tiny_model(tiny_tokenizer, positions="sinusoidal", tied_embeddings="all")
    refuse(Translator(model, tiny_tokenizer), "built like PEGASUS, whose tokenizer in transformers is no SentencePiece")


def test_a_directory_stays_what_it_is(tmp_path):
    write_bart(tmp_path / "bart")
    with pytest.raises(UserError, match="is a Hugging Face directory of an encoder-decoder already"):
        convert(tmp_path / "bart", tmp_path / "other", to="hugging-face")
    assert json.loads((tmp_path / "bart" / "config.json").read_text())["model_type"] == "bart"
