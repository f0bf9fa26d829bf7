"""Tokenizers inside GGUF files, beside the `tokenizers` package."""

import pytest

from zoo.checkpoints.gguf_tokenizer import read_gguf_tokenizer
from zoo.errors import UserError

gguf = pytest.importorskip("gguf")
tokenizers = pytest.importorskip("tokenizers")

CORPUS = ["low lower lowest 2024 slower, the quick brown fox\n\n  jumps; naïve café 中国 " * 4] * 9
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXTS = [
    "the quickest 1234 foxes",
    "  two\n\n\nlines\t",
    "中国 😀 e\u0301",
    "<|im_start|>user\nlow<|im_end|>",
    "",
    "low<|im_end",
]
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


@pytest.fixture(scope="module")
def reference():
    """A tokenizer with single digits, as SmolLM2's."""
    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [tokenizers.pre_tokenizers.Digits(True), tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    found.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=330, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    found.train_from_iterator(CORPUS, trainer)
    return found


def write(path, reference, **fields):
    import json

    model = json.loads(reference.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(fields.pop("model", "gpt2"))
    writer.add_tokenizer_pre(fields.pop("pre", "smollm"))
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in SPECIAL else 1 for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_chat_template(TEMPLATE)
    for key, value in fields.items():
        writer.add_bool(f"tokenizer.ggml.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def test_ids_are_those_of_the_package(reference, tmp_path):
    write(tmp_path / "model.gguf", reference)
    found = read_gguf_tokenizer(tmp_path / "model.gguf")
    tokenizer = found.tokenizer
    reading = tokenizer.reading_from_text(tokenizer.control_tokens)
    expected = [encoding.ids for encoding in reference.encode_batch(TEXTS)]
    assert reading.encode(TEXTS).to_list() == expected
    assert [text.decode() for text in reading.decode(expected[:3]).numpy()] == TEXTS[:3]
    # What a user writes is text, whatever it looks like.
    assert [text.decode() for text in tokenizer.decode(tokenizer.encode(TEXTS)).numpy()] == TEXTS
    assert (tokenizer.bos_id, tokenizer.eos_id, found.begins, found.chat_template) == (1, 2, True, TEMPLATE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(model="llama"), r"tokenizer\.ggml\.model 'llama' is not supported; supported is 'gpt2'"),
        (dict(pre="falcon"), r"tokenizer\.ggml\.pre 'falcon' is not supported; supported are gpt-2, smollm"),
        (dict(add_eos_token=True), r"tokenizer\.ggml\.add_eos_token True is not supported"),
    ],
)
def test_what_cannot_be_followed_is_refused(reference, fields, message, tmp_path):
    write(tmp_path / "model.gguf", reference, **fields)
    with pytest.raises(UserError, match=message):
        read_gguf_tokenizer(tmp_path / "model.gguf")
