"""Ids of added tokens: the zoo's beside transformers', for each way in which a directory can add tokens.

    python tests/zoo/checkpoints/added_token_shapes.py [--vocabularies FOLDER] [--texts 5000]

prints the table of docs/checkpoints.md. The folder holds published vocabularies (bert_cased, bert_uncased, gpt2,
t5_spiece), which take the place of tiny ones.
"""

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path

import transformers
from tokenizers import AddedToken

TESTS = Path(__file__).parents[2]
for folder in (TESTS.parent, TESTS / "support"):
    sys.path.insert(0, str(folder))

import marian_files  # noqa: E402
from tiny_byte_pair import gpt2_tokenizer, roberta_tokenizer, write_tokenizer  # noqa: E402
from tiny_sentencepiece import write_tokenizer as write_sentencepiece  # noqa: E402

from zoo.checkpoints.hugging_face import load_sequence_to_sequence_tokenizers, load_tokenizer  # noqa: E402

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "Köln",
    "naïve",
    "Zoë",
    "CAFÉ",
    "covid19",
    "COVID19",
    "xcovid19",
    "New",
    "York",
    "new",
    "york",
    "E1",
    "[E",
    "3.14",
    "e-mail",
    "it's",
    '"quoted"',
    "(a)",
    "100%",
    "東京",
    "中文",
    "Ünder_score",
]
_MARKERS = ("[E1]", "[/E1]")
_FLAGGED = [
    AddedToken("<l>", lstrip=True, special=True),
    AddedToken("<r>", rstrip=True, normalized=False),
    AddedToken("<lr>", lstrip=True, rstrip=True, normalized=True),
    AddedToken("word", single_word=True, normalized=False),
    AddedToken("Éa", single_word=True, normalized=True),
    AddedToken("New York", normalized=True),
    AddedToken("<l>x", normalized=False),
    AddedToken("東京", normalized=True),
]
_BERT = ["[PAD]", "[unused1]", "[unused2]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def _bert_vocabulary(vocabularies, cased):
    if vocabularies is not None:
        name = "bert_cased" if cased else "bert_uncased"
        return (vocabularies / name / "vocab.txt").read_text(encoding="utf-8").splitlines()
    characters = "abcdefghijklmnopqrstuvwxyz0123456789東京中文éö" + ("ABCDEFGHIJKLMNOPQRSTUVWXYZÉ" if cased else "")
    return [*_BERT, *"[]<>/.,'()%_-\"", *characters, *(f"##{character}" for character in characters), "the", "##ick"]


def _bert(directory, vocabularies, *, cased=True, appended=(), config=None, **files):
    directory.mkdir(parents=True)
    entries = [*_bert_vocabulary(vocabularies, cased), *appended]
    (directory / "vocab.txt").write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": not cased, **(config or {})}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    (directory / "config.json").write_text(json.dumps({"model_type": "bert"}))
    return len(entries)


def _saved_with(directory, tokens=(), special=()):
    """The directory again as transformers saves it with more tokens."""
    theirs = transformers.AutoTokenizer.from_pretrained(directory)
    theirs.add_tokens(list(tokens))
    theirs.add_tokens(list(special), special_tokens=True)
    theirs.save_pretrained(directory)


def _added_file(directory, vocabularies):
    size = len(_bert_vocabulary(vocabularies, False))
    added = {"[E1]": size, "covid19": size + 1, "[/E1]": size + 2}
    config = {"additional_special_tokens": list(_MARKERS)}
    _bert(directory, vocabularies, cased=False, config=config, added_tokens=added)


def _decoder(directory, vocabularies):
    size = len(_bert_vocabulary(vocabularies, True))
    flags = {"lstrip": False, "rstrip": False, "single_word": False}
    tokens = {
        str(size + index): {"content": content, **flags, "special": special, "normalized": not special}
        for index, (content, special) in enumerate([("[E1]", True), ("covid19", False), ("[/E1]", True)])
    }
    _bert(directory, vocabularies, config={"added_tokens_decoder": tokens})


def _tokenizer_json(directory, vocabularies):
    _bert(directory, vocabularies, cased=False)
    _saved_with(directory, ["covid19", "New York"], _MARKERS)
    (directory / "vocab.txt").unlink()


def _appended(directory, vocabularies):
    _bert(directory, vocabularies, appended=_MARKERS, config={"additional_special_tokens": list(_MARKERS)})


def _unused(directory, vocabularies):
    _bert(directory, vocabularies, cased=False)
    _saved_with(directory, special=["[unused1]", "[unused2]"])


def _flagged_bert(directory, vocabularies):
    _bert(directory, vocabularies, cased=False)
    _saved_with(directory, _FLAGGED)


def _gpt2(directory, vocabularies, tokens=(), special=("<|user|>", "<|bot|>")):
    write_tokenizer(directory, gpt2_tokenizer(), "gpt2")
    if vocabularies is not None:
        for name, source in (("vocab.json", "encoder.json"), ("merges.txt", "vocab.bpe")):
            shutil.copy(vocabularies / "gpt2" / source, directory / name)
        (directory / "tokenizer_config.json").write_text("{}")
    _saved_with(directory, tokens, special)


def _flagged_gpt2(directory, vocabularies):
    _gpt2(directory, vocabularies, _FLAGGED, ())


def _roberta(directory, vocabularies):
    write_tokenizer(directory, roberta_tokenizer(), "roberta")
    _saved_with(directory, ["covid19"], _MARKERS)


def _sentencepiece(kind, tokens, special=()):
    def write(directory, vocabularies):
        write_sentencepiece(directory, kind)
        if kind == "t5" and vocabularies is not None:
            shutil.copy(vocabularies / "t5_spiece" / "spiece.model", directory / "spiece.model")
            (directory / "tokenizer.json").unlink(missing_ok=True)
        model = next(path for path in directory.iterdir() if path.suffix == ".model")
        content = model.read_bytes()
        _saved_with(directory, tokens, special)
        model.write_bytes(content)
        (directory / "config.json").write_text(json.dumps({"model_type": kind.removesuffix("50")}))

    return write


def _marian(directory, vocabularies):
    lines = ["The cat sat on the mat .", "A quick brown dog ran over the green hill .", "jumps a lazy fox"] * 40
    marian_files.write(directory, marian_files.spm(lines, 60), marian_files.spm(lines[::-1], 60))
    (directory / "config.json").write_text(json.dumps({"model_type": "marian"}))
    _saved_with(directory, ["NAME1", AddedToken("<l>", lstrip=True), AddedToken("<r>", rstrip=True)], ["[E1]"])


# Name: how the directory is written, the family if it is an encoder-decoder, and what its texts hold.
SHAPES = {
    "BERT: vocab.txt, added_tokens.json": (_added_file, None, (*_MARKERS, "covid19")),
    "BERT: vocab.txt, added_tokens_decoder": (_decoder, None, (*_MARKERS, "covid19")),
    "BERT: tokenizer.json alone": (_tokenizer_json, None, (*_MARKERS, "covid19", "New York")),
    "BERT: appended to vocab.txt": (_appended, None, _MARKERS),
    "BERT: unused entries made special": (_unused, None, ("[unused1]", "[unused2]", "[UNUSED1]")),
    "BERT: every flag": (_flagged_bert, None, tuple(token.content for token in _FLAGGED)),
    "GPT-2: <|user|>, <|bot|>": (_gpt2, None, ("<|user|>", "<|bot|>")),
    "GPT-2: every flag": (_flagged_gpt2, None, tuple(token.content for token in _FLAGGED)),
    "RoBERTa: markers": (_roberta, None, (*_MARKERS, "covid19")),
    "T5: {, }, <": (_sentencepiece("t5", ["{", "}", "<"]), "t5", ("{", "}", "<", "<extra_id_0>", "｛")),
    "Marian: names": (_marian, "marian", ("NAME1", "<l>", "<r>", "[E1]")),
    "mBART: new tokens": (_sentencepiece("mbart", ["NAME1"], ["[E1]"]), "mbart", ("NAME1", "[E1]", "en_XX")),
    "mBART-50: new tokens": (_sentencepiece("mbart50", ["NAME1"], ["[E1]"]), "mbart", ("NAME1", "[E1]", "gl_ES")),
    "PEGASUS: new tokens": (_sentencepiece("pegasus", ["NAME1"], ["[E1]"]), "pegasus", ("NAME1", "[E1]", "<unk_7>")),
}


def texts_with(tokens, count, seed=0, blanks=True):
    """Texts of words, tokens and what stands between them."""
    generator = random.Random(seed)
    between = ["", " ", " ", "  ", "\t", "\n", "."] if blanks else ["", " ", "."]
    parts = [*WORDS, *tokens, *tokens, *tokens, *(token.lower() for token in tokens), *(token[:-1] for token in tokens)]

    def text():
        found = [generator.choice(parts) + generator.choice(between) for _ in range(generator.randrange(12))]
        return generator.choice(between) + "".join(found)

    return ["", *tokens, *(text() for _ in range(count))]


def write(name, directory, vocabularies=None):
    """Writes the directory of a shape, of a published vocabulary if the folder of them is given."""
    SHAPES[name][0](directory, vocabularies)
    return transformers.AutoTokenizer.from_pretrained(directory)


def read(name, directory, size=10**6):
    """What the zoo reads of it."""
    family = SHAPES[name][1]
    if family is None:
        return load_tokenizer(directory)
    return load_sequence_to_sequence_tokenizers(directory, family, size).source


def compare(name, count, vocabularies=None):
    """How many texts there are, how many added tokens in their ids, and the texts whose ids are not transformers'."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "directory"
        theirs = write(name, directory, vocabularies)
        ours = read(name, directory)
        texts = texts_with(SHAPES[name][2], count)
        if name.startswith(("PEGASUS", "mBART-50")):
            # transformers 5 makes a token of a blank at the end of what is between two added tokens; SentencePiece and
            # transformers 4 do not.
            tokens = "|".join(re.escape(token.content) for token in ours.added_tokens)
            texts = [re.sub(rf"\s+(?={tokens}|$)", "", text) for text in texts]
        found = ours.encode(texts).to_list()
        expected = theirs(texts, add_special_tokens=False)["input_ids"]
    added = {token.id for token in ours.added_tokens if not token.control}
    wrong = [text for text, one, other in zip(texts, found, expected, strict=True) if one != other]
    return len(texts), sum(token_id in added for row in found for token_id in row), wrong


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vocabularies", type=Path)
    parser.add_argument("--texts", type=int, default=5000)
    options = parser.parse_args()
    print(f"| directory (transformers {transformers.__version__}) | texts | added tokens in them | texts that differ |")
    print("|---|---|---|---|")
    for name in SHAPES:
        texts, added, wrong = compare(name, options.texts, options.vocabularies)
        print(f"| {name} | {texts:,} | {added:,} | {len(wrong)} |", flush=True)


if __name__ == "__main__":
    main()
