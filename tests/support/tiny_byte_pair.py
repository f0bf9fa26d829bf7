"""Tiny byte-pair tokenizers as GPT-2, RoBERTa and BART have them, in the forms that directories hold."""

import json

import transformers

from zoo.checkpoints.hugging_face import tokenizer_files
from zoo.tokenizers import AddedToken, BytePairTokenizer

CORPUS = ["low lower lowest slow slower, the quick brown fox jumps over it's dog in Köln 123"] * 9
GPT2_TOKENS = ("<|endoftext|>",)
ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
MASK = "<mask>"


def gpt2_tokenizer(**options):
    return BytePairTokenizer.train(CORPUS, 300, GPT2_TOKENS, **options)


def roberta_tokenizer(**options):
    """With <mask> as the last token, as in the published vocabulary; it swallows the blanks before it."""
    trained = BytePairTokenizer.train(CORPUS, 305, ROBERTA_TOKENS)
    special = {**trained.special_tokens, MASK: trained.vocabulary_size}
    mask = AddedToken(MASK, special[MASK], lstrip=True, control=True)
    return BytePairTokenizer(trained.vocabulary, trained.merges, special, added_tokens=[mask], **options)


def write_tokenizer(directory, tokenizer, model_type, form="vocab.json", around=None):
    """The tokenizer's files, by the zoo or saved once more by transformers as tokenizer.json; returns transformers'."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, write in tokenizer_files(tokenizer, around).items():
        write(directory / name)
    if not (directory / "config.json").exists():
        (directory / "config.json").write_text(json.dumps({"model_type": model_type}))
    theirs = transformers.AutoTokenizer.from_pretrained(directory)
    if form == "tokenizer.json":
        theirs.save_pretrained(directory)
        (directory / "vocab.json").unlink()
        (directory / "merges.txt").unlink()
    return theirs
