"""A T5 of version 1.0 or 1.1 as a Hugging Face directory."""

from keras import ops

from zoo.architectures.configuration_keys import activation_name
from zoo.checkpoints.hugging_face.t5 import CLASS_NAMES, MODEL_KEYS, MODEL_TYPE, OUTPUT_NAME, tensor_names
from zoo.checkpoints.named_tensors import tensors_by_name
from zoo.errors import UserError


def t5_to_hugging_face(model):
    """What `load_t5` and transformers read a built `T5` from.

    Args:
        model: The model.

    Returns:
        The content of config.json but the special tokens, and float32 numpy arrays by the names of tensors.

    Raises:
        UserError: for a model that transformers has no T5 for, saying what differs.
    """
    config = model.get_config()
    tied, scaled = config["tied_embeddings"], config["scale_logits"]
    if scaled and not tied:
        raise UserError("transformers has no T5 with tied_embeddings=False and scale_logits=True")
    content = {
        "architectures": [CLASS_NAMES[0]],
        "model_type": MODEL_TYPE,
        "is_encoder_decoder": True,
        **{theirs: config[ours] for ours, (theirs, _) in MODEL_KEYS.items()},
        "num_decoder_layers": config["num_decoder_layers"],
        "feed_forward_proj": _projection(config["activation"], config["gated"]),
        "n_positions": config["max_sequence_length"],
        # False says both that the output matrix is one of its own and that nothing is scaled.
        "tie_word_embeddings": scaled,
        "initializer_factor": 1.0,
        "dtype": "float32",
    }
    tensors = tensors_by_name(model, tensor_names(model))
    if tied and not scaled:
        tensors[OUTPUT_NAME] = ops.convert_to_numpy(model.token_embedding.embeddings).astype("float32").copy()
    return content, tensors


def _projection(activation, gated):
    """The value of feed_forward_proj."""
    if not gated:
        return activation_name(activation)
    if activation == "gelu":
        raise UserError(
            "transformers has no T5 with gated=True and activation='gelu': gated-gelu there is gelu_approximate"
        )
    if activation == "gelu_approximate":
        return "gated-gelu"
    return f"gated-{_projection(activation, gated=False)}"
