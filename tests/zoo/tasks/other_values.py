"""Another legal value for every key that files of a Hugging Face directory have."""

import copy
import json

import transformers
from sentencepiece import sentencepiece_model_pb2

REMOVED = "removed"
PIECE_KINDS = ("unused", "user_defined", "control")
# Key: another value, where one that follows from its own would be illegal or change nothing.
OTHERS = {
    "hidden_act": "relu",
    "dense_act_fn": "silu",
    "activation": "relu",
    "activation_function": "relu",
    "feed_forward_proj": "gated-gelu",
    "architectures": ["AnotherModel"],
    "model_type": "xlnet",
    "id2label": {"0": "x", "1": "y", "2": "z"},
    "label2id": {"x": 0, "y": 1, "z": 2},
    "problem_type": "multi_label_classification",
    "num_labels": 5,
    "quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True},
    "position_embedding_type": "relative_key",
    "pruned_heads": {"0": [1]},
    "torch_dtype": "float64",
    "dtype": "float64",
    "_name_or_path": "somewhere/else",
    "transformers_version": "4.1.0",
    "task_specific_params": {"summarization": {"num_beams": 5}},
    "early_stopping": True,
    "length_penalty": -2.0,
    "bad_words_ids": [[7]],
    "suppress_tokens": [7, 8],
    "begin_suppress_tokens": [7],
    "sequence_bias": [[[7], -5.0]],
    "force_words_ids": [[7]],
    "stop_strings": ["a"],
    "eos_token_id": [2, 9],
    "max_new_tokens": 4,
    "max_length": 5,
    "min_length": 7,
    "min_new_tokens": 6,
    "do_sample": True,
    "num_beams": 3,
    "num_beam_groups": 2,
    "diversity_penalty": 0.5,
    "no_repeat_ngram_size": 1,
    "encoder_no_repeat_ngram_size": 1,
    "repetition_penalty": 1.9,
    "encoder_repetition_penalty": 1.9,
    "guidance_scale": 2.0,
    "penalty_alpha": 0.6,
    "renormalize_logits": True,
    "remove_invalid_values": True,
    "token_healing": True,
    "exponential_decay_length_penalty": [2, 1.5],
    "watermarking_config": {"greenlist_ratio": 0.25, "bias": 9.0},
    "dola_layers": "low",
    "max_time": 1e-6,
    "num_return_sequences": 2,
    "forced_bos_token_id": 7,
    "forced_eos_token_id": 7,
    "decoder_start_token_id": 7,
    "scale_attn_weights": False,
    "model_max_length": 5,
    "truncation_side": "left",
    "padding_side": "left",
    "strip_accents": False,
    "do_lower_case": False,
    "tokenize_chinese_chars": False,
    "do_basic_tokenize": False,
    "never_split": ["the"],
    "clean_up_tokenization_spaces": True,
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": True,
    "add_prefix_space": True,
    "add_bos_token": True,
    "add_eos_token": True,
    "errors": "ignore",
    "trim_offsets": False,
    "sp_model_kwargs": {"enable_sampling": True},
    "tokenizer_class": "XLNetTokenizer",
    "separate_vocabs": True,
    "extra_ids": 7,
    "offset": 50,
    "src_lang": "de_DE",
    "tgt_lang": "fr_XX",
    **dict.fromkeys(("source_lang", "target_lang"), "de"),
    "target_vocab_file": "another.json",
    "mask_token_sent": "<mask_9>",
    "legacy": False,
    "model_input_names": ["input_ids"],
    "split_special_tokens": True,
    "use_fast": False,
    "max_len": 5,
    "layer_norm_eps": 0.3,
    "local_attention": 4,
    "layer_norm_epsilon": 0.3,
    "unk_token_id": 5,
    "sep_token_id": 5,
    "mask_token_id": 5,
    "n_inner": 24,
    "summary_type": "first",
    "summary_activation": "tanh",
    "classifier_dropout": 0.5,
    "pad_token_id": 5,
    "bos_token_id": 7,
    **dict.fromkeys(("temperature", "top_p", "min_p", "top_h", "typical_p"), 0.5),
    **dict.fromkeys(("epsilon_cutoff", "eta_cutoff", "assistant_confidence_threshold"), 0.1),
    **dict.fromkeys(("top_k", "max_cache_len"), 40),
    **dict.fromkeys(("use_mtp", "is_assistant", "disable_compile", "low_memory", "_from_model_config"), True),
    **dict.fromkeys(("output_attentions", "output_hidden_states", "output_scores", "output_logits"), True),
    "return_dict_in_generate": True,
    "use_cache": False,
    **dict.fromkeys(("num_assistant_tokens", "prompt_lookup_num_tokens", "max_matching_ngram_size"), 3),
    **dict.fromkeys(("assistant_early_exit", "assistant_lookbehind", "target_lookbehind", "prefill_chunk_size"), 2),
    "assistant_ensemble_weight": 0.5,
    "num_assistant_tokens_schedule": "heuristic",
    "speculation_type": "mtp",
    "cache_implementation": "static",
    **{key: {} for key in ("cache_config", "compile_config", "continuous_batching_config")},
    "constraints": [[7]],
    **{key: ["the"] for key in ("additional_special_tokens", "extra_special_tokens")},
    "model_specific_special_tokens": {"image_token": "the"},
    "image_token": "the",
    "version": "2.0",
    "dropout": 0.5,
    "normalizer": {"type": "Lowercase"},
    "truncation": {"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0},
    "padding": {
        "strategy": {"Fixed": 20},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 1,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    },
    "added_tokens": [],
    "added_tokens_decoder": {},
    "continuing_subword_prefix": "@@",
    "end_of_word_suffix": "</w>",
    "prefix": "@@",
    "prepend_scheme": "never",
    "replacement": "_",
    "Regex": "z",
    "content": "_",
    # Of sentence-transformers.
    "type": "sentence_transformers.models.WordWeights",
    "path": "elsewhere",
    "kwargs": ["task"],
    "prompts": {"query": "b : ", "document": ""},
    "default_prompt_name": "query",
    "similarity_fn_name": "dot",
    "truncate_dim": 3,
    "activation_fn": "torch.nn.modules.linear.Identity",
    "__version__": {"sentence_transformers": "4.0.0"},
    "max_seq_length": 5,
    "transformer_task": "fill-mask",
    "modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}},
    "module_input_name": "token_embeddings",
    "module_output_name": "another",
    "processing_kwargs": {"text": {"max_length": 5}},
    "tokenizer_name_or_path": "elsewhere",
    **{key: {"model_max_length": 5} for key in ("tokenizer_args", "processor_kwargs")},
    **{key: {"num_hidden_layers": 1} for key in ("config_args", "config_kwargs")},
    **{key: {"attn_implementation": "eager", "num_hidden_layers": 1} for key in ("model_args", "model_kwargs")},
    "pooling_mode": "cls",
    **dict.fromkeys(("pooling_mode_cls_token", "pooling_mode_max_tokens"), True),
}
# Keys whose value follows from others or divides them.
_HEADS = ("num_attention_heads", "n_head", "n_heads", "encoder_attention_heads", "decoder_attention_heads")


def another(key, value, directory):
    """A legal value of a key other than the one it has; None if there is no way to tell."""
    name = last_name(key)
    if name == "activation_function" and value == OTHERS[name]:
        return "gelu"
    if name == "activation_function" and str(value).startswith("torch."):
        return "torch.nn.modules.activation.ReLU"
    if name in OTHERS and OTHERS[name] != value:
        return OTHERS[name]
    if name.endswith("_token") and (value is None or isinstance(value, str)):
        return _another_token(directory, value)
    if name in ("cls", "sep") or key.endswith("SpecialToken.id"):
        return value + 1 if isinstance(value, int) else _another_token(directory, value)
    if name == "special_tokens" and isinstance(value, dict):
        return {token: {**entry, "ids": [number + 1 for number in entry["ids"]]} for token, entry in value.items()}
    if isinstance(value, dict) and "type" in value:
        return REMOVED
    if isinstance(value, bool):
        return not value
    if name in _HEADS and isinstance(value, int):
        return 2 * value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.5 or 0.5
    if isinstance(value, str) and "_spec." in key:
        return f"{value}x"
    return None


def _another_token(directory, value):
    """A control token of the vocabulary other than the one given, or else a new one."""
    entries = transformers.AutoTokenizer.from_pretrained(directory).get_vocab()
    known = [token for token in ("<unk>", "<pad>", "</s>", "[UNK]", "[PAD]") if token in entries and token != value]
    return known[0] if known else "[NEW]"


def last_name(key):
    """The last part of a path such as "post_processor.processors.0.trim_offsets" that is no number."""
    return [part for part in key.split(".") if not part.isdecimal()][-1]


def write_with_value(path, key, value):
    """Changes one value of a file, a JSON object or a SentencePiece model."""
    if path.suffix not in (".model", ".spm"):
        content = json.loads(path.read_bytes()) if path.is_file() else {}
        path.write_text(json.dumps(with_value(content, key, value)))
        return
    proto = sentencepiece_model_pb2.ModelProto.FromString(path.read_bytes())
    place, name = key.split(".")
    if place == "piece":
        # A word of the texts.
        piece = next(each for each in proto.pieces if each.piece in ("\u2581and", "\u2581und"))
        piece.type = getattr(piece, name.upper())
    else:
        setattr(getattr(proto, place), name, value)
    path.write_bytes(proto.SerializeToString())


def with_value(content, key, value):
    """A copy of a JSON object with another value at a path."""
    content = copy.deepcopy(content)
    *path, last = key.split(".")
    place = content
    for part in path:
        place = place[int(part) if isinstance(place, list) else part]
    place[int(last) if isinstance(place, list) else last] = None if value == REMOVED else value
    return content
