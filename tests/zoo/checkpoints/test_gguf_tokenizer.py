"""Tokenizers inside GGUF files, beside the `tokenizers` package."""

import random

import pytest
import sentencepiece

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
    "[PAD330]",
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
    # Vocabularies are filled up with entries that nothing uses.
    writer.add_token_list([*tokens, "[PAD330]"])
    writer.add_token_types([*(3 if token in SPECIAL else 1 for token in tokens), 5])
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
        (dict(model="bert"), r"tokenizer\.ggml\.model 'bert' is not supported; supported are gpt2, llama"),
        (dict(model="llama"), r"model\.gguf is damaged: it lacks the scores of tokens"),
        (dict(remove_extra_whitespaces=True), r"tokenizer\.ggml\.remove_extra_whitespaces True is not supported"),
        (dict(add_space_prefix=True), r"tokenizer\.ggml\.add_space_prefix True is not supported"),
        (dict(pre="falcon"), r"tokenizer\.ggml\.pre 'falcon' is not supported; supported are gpt-2, smollm"),
        (dict(add_eos_token=True), r"tokenizer\.ggml\.add_eos_token True is not supported"),
    ],
)
def test_what_cannot_be_followed_is_refused(reference, fields, message, tmp_path):
    write(tmp_path / "model.gguf", reference, **fields)
    with pytest.raises(UserError, match=message):
        read_gguf_tokenizer(tmp_path / "model.gguf")


@pytest.fixture(scope="module", params=[True, False], ids=["llama", "gemma"])
def sentencepiece_model(request, tmp_path_factory):
    """A model of SentencePiece with byte fallback, and whether it puts a blank before each text."""
    folder = tmp_path_factory.mktemp("sentencepiece")
    (folder / "corpus.txt").write_text("\n".join(CORPUS), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "spm"),
        model_type="bpe",
        vocab_size=350,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=request.param,
        control_symbols=["<start_of_turn>"],
        user_defined_symbols=[] if request.param else ["<image>", "\n\n"],
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model")), request.param


def write_sentencepiece(path, model, prefix, **changes):
    size = model.get_piece_size()
    types = []
    for number in range(size):
        found = [model.is_unknown(number), model.is_control(number), model.is_byte(number), model.is_unused(number)]
        types.append(dict(zip([2, 3, 6, 5], found, strict=True)))
    types = [next((kind for kind, is_it in each.items() if is_it), 1) for each in types]
    tokens = [model.id_to_piece(number) for number in range(size)]
    types = [4 if token in ("<image>", "\n\n") else kind for token, kind in zip(tokens, types, strict=True)]
    scores = [model.get_score(number) for number in range(size)]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(changes.get("scores", scores))
    writer.add_token_types(changes.get("types", types))
    for role in ("bos", "eos", "unk"):
        getattr(writer, f"add_{role}_token_id")(getattr(model, f"{role}_id")())
    writer.add_add_space_prefix(prefix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return tokens, scores, types


def test_ids_and_texts_are_those_of_sentencepiece(sentencepiece_model, tmp_path):
    model, prefix = sentencepiece_model
    write_sentencepiece(tmp_path / "model.gguf", model, prefix)
    found = read_gguf_tokenizer(tmp_path / "model.gguf")
    tokenizer = found.tokenizer
    words = [
        "low",
        "lowest",
        "2024",
        "slower,",
        "fox;",
        "naïve",
        "中国",
        "😀",
        "<s>",
        "<0x0A>",
        "<image>",
        "\n\n",
        "\t",
    ]
    choose = random.Random(5)
    texts = [*TEXTS, *("".join(choose.choices([*words, " ", "  ", "\n"], k=choose.randrange(12))) for _ in range(2000))]
    expected = [model.encode(text) for text in texts]
    assert tokenizer.encode(texts).to_list() == expected
    assert any(model.unk_id() not in row and any(map(model.is_byte, row)) for row in expected)
    assert [text.decode() for text in tokenizer.decode(expected).numpy()] == [model.decode(row) for row in expected]
    assert (tokenizer.bos_id, tokenizer.eos_id, found.begins) == (1, 2, True)
    # Nobody begins a turn by writing so, but the template's own token is one.
    assert tokenizer.token_to_id("<start_of_turn>") not in tokenizer.encode(["<start_of_turn>"]).to_list()[0]
    reading = tokenizer.reading_from_text(["<start_of_turn>"])
    assert tokenizer.token_to_id("<start_of_turn>") in reading.encode(["<start_of_turn>low"]).to_list()[0]


def test_what_scores_do_not_say_is_refused(sentencepiece_model, tmp_path):
    model, prefix = sentencepiece_model
    path = tmp_path / "model.gguf"
    tokens, scores, types = write_sentencepiece(path, model, prefix)
    same = [
        -5.0 if kind == 1 and len(token) == 2 else score
        for token, score, kind in zip(tokens, scores, types, strict=True)
    ]
    for changes, message in (
        (dict(scores=same), r"the tokens '..' and '..' have the same score, which is not supported"),
        (dict(scores=scores[1:]), r"model\.gguf is damaged: it lacks the scores of tokens"),
        (dict(types=[7, *types[1:]]), r"tokenizer\.ggml\.token_type 7 is not supported"),
        (
            dict(types=[4 if token.startswith("\u2581") else kind for token, kind in zip(tokens, types, strict=True)]),
            r"the user-defined token '\u2581.*' holds '\u2581', which is not supported",
        ),
    ):
        write_sentencepiece(path, model, prefix, **changes)
        with pytest.raises(UserError, match=message):
            read_gguf_tokenizer(path)
