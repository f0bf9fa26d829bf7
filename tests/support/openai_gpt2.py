"""Checkpoints of GPT-2 as OpenAI's program wrote them, from models of transformers."""

import json

import tensorflow as tf
from tiny_gpt2 import PUBLISHED

HPARAMS = dict(n_vocab=PUBLISHED["vocab_size"], n_ctx=9, n_embd=12, n_head=3, n_layer=2)


def variables(reference):
    """The weights of transformers' model under OpenAI's names and in their shapes."""
    found = {}
    for name, tensor in reference.transformer.state_dict().items():
        parts = name.split(".")
        if parts[0] == "h":
            parts[:2] = [f"h{parts[1]}"]
        norm = parts[-2].startswith("ln_")
        parts[-1] = {"weight": "g" if norm else "w", "bias": "b"}[parts[-1]]
        value = tensor.numpy()
        if parts[0] in ("wte", "wpe"):
            parts = parts[:1]
        elif parts[-1] == "w":
            value = value[None]
        found["/".join(["model", *parts])] = value
    return found


def write(directory, values, hparams=HPARAMS):
    """Saves variables under their names, without a graph of objects, as sessions of TensorFlow 1 do."""
    tf.raw_ops.SaveV2(
        prefix=str(directory / "model.ckpt"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=list(values.values()),
    )
    (directory / "checkpoint").write_text('model_checkpoint_path: "model.ckpt"\n')
    (directory / "hparams.json").write_text(json.dumps(hparams))
