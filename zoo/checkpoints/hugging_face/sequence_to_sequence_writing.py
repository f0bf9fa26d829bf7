"""An encoder-decoder as a Hugging Face directory of Marian, BART, mBART, PEGASUS or T5."""

import json

import numpy as np
from keras import ops

from zoo.architectures.configuration_keys import activation_name
from zoo.architectures.rule import names_of_rules
from zoo.checkpoints.hugging_face.sequence_to_sequence import LOGITS_BIAS, MODEL_KEYS, POSITION_TABLES
from zoo.checkpoints.hugging_face.t5 import MODEL_TYPE as T5_TYPE
from zoo.checkpoints.hugging_face.t5_writing import t5_to_hugging_face
from zoo.checkpoints.named_tensors import tensors_by_name
from zoo.checkpoints.sequence_to_sequence_families import (
    SEQUENCE_TO_SEQUENCE_FAMILIES,
    rules_of_sequence_to_sequence,
)
from zoo.errors import UserError
from zoo.layers import sinusoidal_table
from zoo.models import T5, EncoderDecoder

_EARLY_STOPPING = {"first": True, "estimate": False, "exact": "never"}


def family_name(model):
    """What an encoder-decoder can be written as: "marian", "bart", "mbart", "pegasus" or "t5".

    Raises:
        UserError: as `family_of_model`.
    """
    return T5_TYPE if isinstance(model, T5) else family_of_model(model).name


def family_of_model(model):
    """The `SequenceToSequenceFamily` that an `EncoderDecoder` can be written as.

    Sinusoidal positions of either kind will do, since the files can hold the table.

    Raises:
        UserError: for a model that transformers has no class for, saying what differs.
    """
    if not isinstance(model, EncoderDecoder):
        raise UserError(f"a {type(model).__name__} cannot be written as a Hugging Face directory")
    config = model.get_config()
    sinusoidal = config["positions"] != "learned"
    wanted = {
        name: config[name] for name in ("norm", "embedding_norm", "position_offset", "positions") if name in config
    }
    for family in SEQUENCE_TO_SEQUENCE_FAMILIES:
        fixed = {"position_offset": 0, **family.arguments}
        if sinusoidal and not family.learned_positions:
            fixed["positions"] = wanted["positions"]
        if all(wanted[name] == value for name, value in fixed.items()):
            break
    else:
        shown = ", ".join(f"{name}={value!r}" for name, value in wanted.items())
        raise UserError(
            f"transformers has no encoder-decoder with {shown}: Marian and PEGASUS have sinusoidal positions without "
            "embedding_norm, BART and mBART have learned positions with position_offset=2 and embedding_norm"
        )
    if config["layer_norm_epsilon"] != 1e-5:
        raise UserError(
            f"transformers has no {family.class_name} with layer_norm_epsilon={config['layer_norm_epsilon']!r}, only "
            "with 1e-05"
        )
    if config["tied_embeddings"] != "all" and family.name != "marian":
        raise UserError(
            f"transformers has no {family.class_name} with tied_embeddings={config['tied_embeddings']!r}, only with "
            "'all'"
        )
    return family


def sequence_to_sequence_to_hugging_face(model, *, start_token_id, pad_token_id, end_token_id, begin_token_id=None):
    """What `load_hugging_face` and transformers read a built `EncoderDecoder` or `T5` from.

    Args:
        model: The model.
        start_token_id: What the decoder reads first.
        pad_token_id, end_token_id, begin_token_id: Of the tokenizer of the answers; the last may be None.

    Returns:
        The content of config.json, and float32 numpy arrays by the names of tensors.

    Raises:
        UserError: for a model that transformers has no class for, saying what differs.
    """
    special = {
        "decoder_start_token_id": start_token_id,
        "pad_token_id": pad_token_id,
        "eos_token_id": end_token_id,
        "bos_token_id": begin_token_id,
    }
    if isinstance(model, T5):
        content, tensors = t5_to_hugging_face(model)
        return {**content, **special}, tensors
    family, config = family_of_model(model), model.get_config()
    for ours, shared in (("decoder_intermediate_dim", "intermediate_dim"), ("num_decoder_heads", "num_heads")):
        config[ours] = config[ours] or config[shared]
    tied = config["tied_embeddings"]
    content = {
        "architectures": [family.class_name],
        "model_type": family.name,
        "is_encoder_decoder": True,
        **{theirs: config[ours] for ours, (theirs, _) in MODEL_KEYS.items()},
        "num_hidden_layers": config["num_encoder_layers"],
        "activation_function": activation_name(config["activation"]),
        "scale_embedding": config["scale_embedding"],
        "tie_word_embeddings": tied != "none",
        **special,
        "forced_eos_token_id": None,
        "init_std": 0.02,
        "dtype": "float32",
    }
    if family.name == "marian":
        content["share_encoder_decoder_embeddings"] = tied == "all"
        content["decoder_vocab_size"] = config["target_vocabulary_size"]
    tensors = tensors_by_name(model, names_of_rules(rules_of_sequence_to_sequence(family, config)))
    if config["positions"] == "sinusoidal" or family.name == "pegasus":
        # transformers would make the table of the published kind, and expects PEGASUS's in the file.
        table = sinusoidal_table(config["max_sequence_length"], config["hidden_dim"], config["positions"])
        tensors |= {name: table.copy() for name in POSITION_TABLES}
    bias = np.zeros(config["target_vocabulary_size"], "float32")
    if model.logits_bias is not None:
        bias = ops.convert_to_numpy(model.logits_bias).astype("float32")
    return content, {**tensors, LOGITS_BIAS: bias[None]}


def generation_file(settings, *, start_token_id, pad_token_id, end_token_id, begin_token_id=None):
    """What `read_generation` and transformers read settings of decoding from.

    Args:
        settings: Values by the names of `zoo.tasks.SequenceToSequenceSettings`. A limit after the length of the source
            is left out, for transformers has none.
        start_token_id, pad_token_id, end_token_id, begin_token_id: As in `sequence_to_sequence_to_hugging_face`.

    Returns:
        The content of generation_config.json, bytes.

    Raises:
        UserError: for settings that transformers does not have.
    """
    if settings["source_prefix"]:
        raise UserError(f"transformers has no source_prefix {settings['source_prefix']!r}; put it into the texts")
    if settings["length_penalty_type"] != "average" and settings["length_penalty"]:
        raise UserError(
            f"transformers has no length_penalty_type {settings['length_penalty_type']!r}, only 'average'; "
            "set it and the length_penalty that suits it with with_settings"
        )
    content = {
        "decoder_start_token_id": start_token_id,
        "pad_token_id": pad_token_id,
        "eos_token_id": end_token_id,
        "bos_token_id": begin_token_id,
        "num_beams": settings["num_beams"],
        "length_penalty": settings["length_penalty"],
        "max_new_tokens": settings["max_new_tokens"],
        "min_new_tokens": settings["min_new_tokens"],
        "no_repeat_ngram_size": settings["no_repeat_ngram_size"],
        "early_stopping": _EARLY_STOPPING[settings["stopping"]],
        "suppress_tokens": list(settings["suppressed_token_ids"]) or None,
        "renormalize_logits": settings["renormalize"],
        "forced_bos_token_id": settings["forced_first_token_id"],
        "forced_eos_token_id": settings["forced_last_token_id"],
    }
    content = {key: value for key, value in content.items() if value is not None}
    return (json.dumps(content, indent=2) + "\n").encode()
