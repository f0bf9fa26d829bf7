"""The keys of the files of a Hugging Face directory: those written, and further ones that transformers reads."""

import inspect
import json

import transformers
from other_values import PIECE_KINDS, last_name
from sentencepiece import sentencepiece_model_pb2

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
# Arguments of tokenizers' classes that come from the other files.
_CONTENTS = ("self", "vocab", "merges", "source_spm", "target_spm", "kwargs", "_spm_precompiled_charsmap")


# Settings of a SentencePiece model that count when it splits; all others are of its training.
_MODEL_KEYS = {
    "normalizer_spec": ("name", "add_dummy_prefix", "remove_extra_whitespaces", "escape_whitespaces"),
    "trainer_spec": (
        *("model_type", "treat_whitespace_as_suffix", "byte_fallback", "unk_surface"),
        *(f"{role}_{part}" for role in ("unk", "bos", "eos", "pad") for part in ("id", "piece")),
    ),
}


def config_keys(directory):
    """The keys of config.json, with the defaults of its class, second names, and keys of older files."""
    written = json.loads((directory / "config.json").read_text())
    config = transformers.AutoConfig.from_pretrained(directory)
    defaults = json.loads(config.to_json_string(use_diff=False))
    older = dict.fromkeys(("quantization_config", "pruned_heads", "torch_dtype", "task_specific_params"))
    second = {alias: defaults[key] for alias, key in config.attribute_map.items()}
    return {**older, "num_labels": None, **second, **defaults, **written}


def generation_keys(directory):
    path = directory / "generation_config.json"
    keys = transformers.GenerationConfig().to_dict()
    return {**keys, **(json.loads(path.read_text()) if path.is_file() else {})}


def tokenizer_keys(directory):
    """The keys of tokenizer_config.json, and further ones that its class reads."""
    content = json.loads((directory / "tokenizer_config.json").read_text())
    name = content["tokenizer_class"]
    older = ("truncation_side", "padding_side", "clean_up_tokenization_spaces", "model_input_names", "max_len")
    older += ("split_special_tokens", "extra_special_tokens", "model_specific_special_tokens", "image_token")
    older += ("additional_special_tokens",)
    if name.startswith("Bert"):
        older += ("do_basic_tokenize", "never_split")
    elif name.startswith(("GPT2", "Roberta", "Bart")):
        older += ("add_prefix_space", "errors", "trim_offsets", "add_bos_token", "add_eos_token")
    else:
        older += ("sp_model_kwargs", "legacy", "extra_ids", "offset", "separate_vocabs", "add_prefix_space")
    arguments = inspect.signature(getattr(transformers, name).__init__).parameters.values()
    defaults = {each.name: each.default for each in arguments if each.name not in _CONTENTS}
    return {**dict.fromkeys(older), **defaults, **special_token_keys(directory), **content}


def special_token_keys(directory):
    """The parts that tokens can play, with those that have them."""
    tokens = transformers.AutoTokenizer.from_pretrained(directory).special_tokens_map
    further = ("additional_special_tokens", "extra_special_tokens", "image_token", "split_special_tokens")
    return {f"{role}_token": tokens.get(f"{role}_token") for role in ROLES} | dict.fromkeys(further)


def fast_keys(directory):
    """Paths of every part and setting of tokenizer.json but the vocabulary itself."""
    return dict(_paths(json.loads((directory / "tokenizer.json").read_text()), ""))


def _paths(value, path):
    # The package tokenizers panics at another sequence than A.
    if (
        path in ("model.vocab", "model.merges")
        or path.endswith("Sequence.id")
        or last_name(path or "-") in ("type", "precompiled_charsmap")
    ):
        return
    if path in ("added_tokens", "truncation", "padding", "model") or (value and path.endswith(".special_tokens")):
        yield path, value
        if path != "model":
            return
    elif path and (not isinstance(value, (dict, list)) or (isinstance(value, dict) and "type" in value)):
        yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from _paths(child, f"{path}.{name}" if path else str(name))


def _model_keys(name):
    """Settings of a SentencePiece model, and kinds that one of its pieces could be of."""

    def keys(directory):
        proto = sentencepiece_model_pb2.ModelProto.FromString((directory / name).read_bytes())
        found = {f"piece.{kind}": False for kind in PIECE_KINDS}
        for place, names in _MODEL_KEYS.items():
            found |= {f"{place}.{name}": getattr(getattr(proto, place), name) for name in names}
        return found

    return keys


def added_keys(directory):
    return json.loads((directory / "added_tokens.json").read_text())


def module_keys(directory):
    """The keys of every entry of modules.json."""
    entries = json.loads((directory / "modules.json").read_text())
    return {f"{i}.{key}": value for i, entry in enumerate(entries) for key, value in {"kwargs": [], **entry}.items()}


def _written(name, *further):
    """Keys that a file has, and further ones that sentence-transformers reads or read."""

    def keys(directory):
        return {**dict.fromkeys(further), **json.loads((directory / name).read_text())}

    return keys


def _without_decoder(directory):
    """tokenizer_config.json without the key beside which special_tokens_map.json does not count."""
    path = directory / "tokenizer_config.json"
    content = json.loads(path.read_text())
    content.pop("added_tokens_decoder", None)
    path.write_text(json.dumps(content))


def _with_fast_file(directory):
    """The tokenizer as transformers saves it, which a SentencePiece model may be beside."""
    transformers.AutoTokenizer.from_pretrained(directory).save_pretrained(directory)
    # Beside these the file's post_processor does not count.
    path = directory / "tokenizer_config.json"
    content = json.loads(path.read_text())
    content = {key: value for key, value in content.items() if key not in ("add_bos_token", "add_eos_token")}
    path.write_text(json.dumps(content))
    for name in ("vocab.json", "merges.txt", "vocab.txt"):
        (directory / name).unlink(missing_ok=True)


_OF_SENTENCE_TRANSFORMERS = {
    "config_sentence_transformers.json": ("default_prompt_name", "truncate_dim", "similarity_fn_name", "activation_fn"),
    "sentence_bert_config.json": (
        *("max_seq_length", "do_lower_case", "tokenizer_name_or_path", "model_args", "tokenizer_args", "config_args"),
        *("model_kwargs", "processor_kwargs", "config_kwargs"),
    ),
    "1_Pooling/config.json": ("pooling_mode_cls_token", "pooling_mode_max_tokens", "word_embedding_dimension"),
    "2_Dense/config.json": ("module_input_name", "module_output_name"),
}


def _with_added_token(directory):
    """A word of the texts as a token behind the others."""
    size = len(transformers.AutoTokenizer.from_pretrained(directory))
    (directory / "added_tokens.json").write_text(json.dumps({"the": size}))


PREPARED = {
    "added_tokens.json": _with_added_token,
    "special_tokens_map.json": _without_decoder,
    "tokenizer.json": _with_fast_file,
}
KEYS_OF_FILES = {
    "special_tokens_map.json": special_token_keys,
    "tokenizer.json": fast_keys,
    "config.json": config_keys,
    "generation_config.json": generation_keys,
    "tokenizer_config.json": tokenizer_keys,
    "added_tokens.json": added_keys,
    **{name: _model_keys(name) for name in ("sentencepiece.bpe.model", "spiece.model", "source.spm", "target.spm")},
    "modules.json": module_keys,
    **{name: _written(name, *further) for name, further in _OF_SENTENCE_TRANSFORMERS.items()},
}
