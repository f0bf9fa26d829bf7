"""One model of ours and one of KerasHub's, compared by what they make of the same tokens."""

import numpy as np
from keras import ops

from zoo.checkpoints.keras_hub.preset_files import without_mask_warnings
from zoo.errors import UserError

# As shares of the largest value, or of 1 if that is less. KerasHub's head of masked language models adds 1e-5 to the
# variance, that of BERT and DistilBERT 1e-12, which real models hardly notice.
_TOLERANCE = 1e-4
_TOLERANCE_OF_TOKEN_HEADS = 1e-3
_LENGTH = 16


def check_equal(kind, model, task, where, tolerance=None):
    """Compares both models on random tokens.

    Args:
        kind: What the model is; see `ForeignModel`.
        model: Ours.
        task: A task of KerasHub, or its backbone for an encoder or language model without one.
        where: Beginning of the message.
        tolerance: As a share of the largest value; that of rounding if None.

    Returns:
        The largest difference of their outputs: of logits, or of an encoder's vectors.

    Raises:
        UserError: if it is more than rounding.
    """
    backbone = getattr(task, "backbone", None) or task
    length = min(_LENGTH, getattr(backbone, "max_sequence_length", _LENGTH))
    inputs = _inputs(task.input, backbone.vocabulary_size, length)
    with without_mask_warnings():
        theirs, ours = _theirs(kind, task, inputs), _ours(kind, model, inputs)
    if tolerance is None:
        tolerance = _TOLERANCE_OF_TOKEN_HEADS if kind == "masked_token_predictor" else _TOLERANCE
    difference = 0.0
    # KerasHub's BERT always has a pooler, ours may have none.
    for one, other in zip(theirs, ours, strict=False):
        found = float(np.abs(one - other).max())
        if not found <= tolerance * max(1.0, float(np.abs(one).max())):
            raise UserError(f"{where}: KerasHub's {type(task).__name__} gives other numbers, by up to {found:.1e}")
        difference = max(difference, found)
    return difference


def _inputs(names, vocabulary_size, length):
    """Token ids drawn at random, the second row shorter, and whatever else is named."""
    rng = np.random.default_rng(0)
    mask = np.ones((2, length), "int32")
    mask[1, length // 2 + 1 :] = 0
    inputs = {}
    for name in names:
        if name.endswith("padding_mask"):
            inputs[name] = mask
        elif name.endswith("token_ids"):
            inputs[name] = rng.integers(0, vocabulary_size, (2, length)).astype("int32")
        elif name == "mask_positions":
            inputs[name] = np.array([[1, 2], [0, 1]], "int32")
        else:
            inputs[name] = np.zeros((2, length), "int32")
    return inputs


def _theirs(kind, task, inputs):
    outputs = task(inputs, training=False)
    if kind == "encoder":
        outputs = outputs if isinstance(outputs, dict) else {"sequence_output": outputs}
        found = [_real(outputs["sequence_output"], inputs["padding_mask"])]
        return [*found, *(ops.convert_to_numpy(outputs[name]) for name in ("pooled_output",) if name in outputs)]
    if isinstance(outputs, dict):
        outputs = outputs["decoder_sequence_output"]
    if getattr(task, "backbone", None) is None:
        # A T5 whose output matrix is its table scales what it reads; the backbone leaves that to the task.
        scale = task.hidden_dim**-0.5 if getattr(task, "tie_embedding_weights", False) else 1.0
        outputs = task.token_embedding(outputs * scale, reverse=True)
    return [_of_kind(kind, outputs, inputs)]


def _ours(kind, model, inputs):
    if kind == "sequence_to_sequence":
        outputs = model(
            {
                "source_token_ids": inputs["encoder_token_ids"],
                "source_padding_mask": inputs["encoder_padding_mask"],
                "target_token_ids": inputs["decoder_token_ids"],
            },
            training=False,
        )
        return [_of_kind(kind, outputs, inputs)]
    given = {name: value for name, value in inputs.items() if name != "mask_positions"}
    if kind == "masked_token_predictor":
        given["masked_positions"] = inputs["mask_positions"]
    outputs = model(given, training=False)
    if kind == "encoder":
        found = [_real(outputs["hidden_states"], inputs["padding_mask"])]
        return [*found, *(ops.convert_to_numpy(outputs[name]) for name in ("pooled",) if name in outputs)]
    return [_of_kind(kind, outputs["token_logits"] if isinstance(outputs, dict) else outputs, inputs)]


def _of_kind(kind, logits, inputs):
    """The logits, of whole sequences those of real tokens."""
    masks = {"language_model": "padding_mask", "sequence_to_sequence": "decoder_padding_mask"}
    return _real(logits, inputs[masks[kind]]) if kind in masks else ops.convert_to_numpy(logits)


def _real(values, mask):
    return ops.convert_to_numpy(values).astype("float32")[mask == 1]
