"""Hugging Face directories of tiny random encoders with the kind of tokenizer that each family has."""

import json

import tokenizers
import torch
import transformers
from tiny_encoder_tasks import make_tokenizer
from tiny_sentencepiece import FAIRSEQ, spiece

from zoo.checkpoints.hugging_face import tokenizer_files

FAMILIES = ("mpnet", "electra", "xlm-roberta", "camembert", "modernbert")
MASKS = {"mpnet": "<mask>", "electra": "[MASK]", "xlm-roberta": "<mask>", "camembert": "<mask>", "modernbert": "[MASK]"}
_SIZES = dict(hidden_size=16, intermediate_size=24, num_attention_heads=2, num_hidden_layers=2)
_CONFIGS = {
    "mpnet": transformers.MPNetConfig,
    "electra": transformers.ElectraConfig,
    "xlm-roberta": transformers.XLMRobertaConfig,
    "camembert": transformers.CamembertConfig,
    "modernbert": transformers.ModernBertConfig,
}
_PREFIXES = {family: config.__name__.removesuffix("Config") for family, config in _CONFIGS.items()}


def write_tokenizer(directory, family):
    """Writes a tokenizer's files; returns transformers' tokenizer."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps({"model_type": family}))
    _WRITERS[family](directory)
    return transformers.AutoTokenizer.from_pretrained(directory)


def write(directory, family, suffix, seed=0, **options):
    """Writes a model and its tokenizer; returns transformers' two."""
    tokenizer = write_tokenizer(directory, family)
    special = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "cls", "sep")}
    special |= {"bos_token_id": special["cls_token_id"], "eos_token_id": special["sep_token_id"]}
    config = _CONFIGS[family](vocab_size=len(tokenizer), max_position_embeddings=200, **_SIZES, **special, **options)
    torch.manual_seed(seed)
    model = getattr(transformers, _PREFIXES[family] + suffix)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, 0.5)
    model.save_pretrained(directory)
    return model, tokenizer


def _mpnet(directory):
    words = make_tokenizer().vocabulary[5:]
    entries = ("<s>", "<pad>", "</s>", "<unk>", *words, "[UNK]", "<mask>")
    (directory / "vocab.txt").write_text("".join(f"{entry}\n" for entry in entries))
    (directory / "tokenizer_config.json").write_text('{"tokenizer_class": "MPNetTokenizer"}')


def _electra(directory):
    for name, write_file in tokenizer_files(make_tokenizer()).items():
        write_file(directory / name)


def _xlm_roberta(directory):
    (directory / "sentencepiece.bpe.model").write_bytes(spiece(FAIRSEQ))
    (directory / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')


def _camembert(directory):
    (directory / "sentencepiece.bpe.model").write_bytes(spiece(FAIRSEQ))


def _modernbert(directory):
    """Byte-level BPE after NFC, with runs of blanks as added tokens, as the published one has them."""
    pieces, names = tokenizers.pre_tokenizers, ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.normalizer = tokenizers.normalizers.NFC()
    found.pre_tokenizer = pieces.ByteLevel(add_prefix_space=False, use_regex=True)
    found.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=290, special_tokens=[], initial_alphabet=pieces.ByteLevel.alphabet(), show_progress=False
    )
    found.train_from_iterator(["Marie Curie was born in Warsaw, near the Rhine"] * 5, trainer)
    found.add_tokens([tokenizers.AddedToken(" " * count, normalized=True) for count in (4, 3, 2)])
    mask = tokenizers.AddedToken("[MASK]", lstrip=True, normalized=False, special=True)
    found.add_special_tokens([*names[:-1], mask])
    numbers = [(name, found.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    found.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=numbers
    )
    roles = dict(zip(("unk_token", "cls_token", "sep_token", "pad_token", "mask_token"), names, strict=True))
    transformers.PreTrainedTokenizerFast(tokenizer_object=found, **roles).save_pretrained(directory)


_WRITERS = {
    "mpnet": _mpnet,
    "electra": _electra,
    "xlm-roberta": _xlm_roberta,
    "camembert": _camembert,
    "modernbert": _modernbert,
}
