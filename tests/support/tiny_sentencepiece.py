"""Hugging Face directories of tiny random models whose tokenizer is a SentencePiece model: mBART, PEGASUS and T5."""

import json

import marian_files
import torch
import transformers
from tiny_checkpoints import SIZES, TARGET_WORDS, WORDS, randomise, save, sentences

FAIRSEQ = dict(unk_id=0, bos_id=1, eos_id=2)
GOOGLE = dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
MODEL_FILES = {
    **dict.fromkeys(("mbart", "mbart50"), "sentencepiece.bpe.model"),
    **dict.fromkeys(("pegasus", "t5"), "spiece.model"),
}
TOKENIZERS = {
    "mbart": transformers.MBartTokenizer,
    "mbart50": transformers.MBart50Tokenizer,
    "pegasus": transformers.PegasusTokenizer,
    "t5": transformers.T5Tokenizer,
}


def spiece(layout, size=120):
    """The bytes of a SentencePiece model that normalises as those of the published checkpoints."""
    return marian_files.spm(sentences(600, WORDS + TARGET_WORDS), size, normalization_rule_name="nmt_nfkc", **layout)


def write_tokenizer(directory, kind, **config):
    """Writes the model file and tokenizer_config.json; returns transformers' tokenizer."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MODEL_FILES[kind]).write_bytes(spiece(FAIRSEQ if kind.startswith("mbart") else GOOGLE))
    content = {"tokenizer_class": TOKENIZERS[kind].__name__, "model_max_length": 512, **config}
    (directory / "tokenizer_config.json").write_text(json.dumps(content))
    return TOKENIZERS[kind].from_pretrained(directory)


def write_mbart(directory, kind="mbart", config=None, **generation):
    """A model with settings as facebook/mbart-large-en-ro ("mbart") or -50-many-to-many-mmt ("mbart50") have them.

    Returns:
        transformers' model and tokenizer.
    """
    tokenizer = write_tokenizer(directory, kind, **(config or {}))
    model_config = transformers.MBartConfig(
        vocab_size=len(tokenizer), scale_embedding=False, activation_function="relu", **SIZES
    )
    model = randomise(transformers.MBartForConditionalGeneration(model_config), layers=1.2, bias=1.5, end_bias=1.0)
    settings = dict(num_beams=5, max_length=24, forced_eos_token_id=2, no_repeat_ngram_size=2)
    settings["early_stopping"] = kind == "mbart50"
    settings["decoder_start_token_id"] = 2 if kind == "mbart50" else None
    return save(model, directory, {**settings, **generation}), tokenizer


def write_pegasus(directory, **generation):
    """A model with settings as google/pegasus-xsum has them.

    Returns:
        transformers' model and tokenizer.
    """
    tokenizer = write_tokenizer(directory, "pegasus")
    # The table has more rows than the vocabulary.
    config = transformers.PegasusConfig(
        vocab_size=len(tokenizer) + 3, scale_embedding=False, activation_function="relu", **SIZES
    )
    model = randomise(transformers.PegasusForConditionalGeneration(config), layers=0.7, bias=1.5, end_bias=-1.0)
    settings = dict(num_beams=8, max_length=24, length_penalty=0.6, forced_eos_token_id=1, no_repeat_ngram_size=2)
    return save(model, directory, {**settings, **generation}), tokenizer


def write_t5(directory, version="1.0", **generation):
    """A model with settings as google-t5/t5-small or google/t5-v1_1-small have them.

    Returns:
        transformers' model and tokenizer.
    """
    tokenizer = write_tokenizer(directory, "t5")
    sizes = dict(d_model=24, d_kv=10, d_ff=40, num_heads=3, num_layers=2, num_decoder_layers=2)
    # The table has more rows than the vocabulary.
    model = make_t5(version, vocab_size=len(tokenizer) + 2, **sizes)
    settings = dict(num_beams=4, max_length=24, length_penalty=2.0, no_repeat_ngram_size=2)
    return save(model, directory, {**settings, **generation}), tokenizer


def make_t5(version, **config):
    """A model of random weights, of version "1.0" or "1.1"."""
    new = dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False) if version == "1.1" else {}
    config = transformers.T5Config(decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, **new, **config)
    model = transformers.T5ForConditionalGeneration(config)
    if new:
        model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            mean = float("norm" in path)
            scale = 0.3 if mean or path.endswith((".q.weight", ".wi.weight", ".wi_0.weight")) else 0.6
            weight.copy_(mean + scale * torch.randn(weight.shape, generator=generator))
    return model.eval()
