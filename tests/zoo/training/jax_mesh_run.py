"""Tensor parallelism on meshes of four devices under JAX; run as a program, which prints the checks it has made."""

import functools
import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import keras
import numpy as np
import pytest
from mesh_cases import EVEN, FAMILIES, ODD, SIZES, TOLERANCES, batch, compiled, gpt2, on_one_device
from replica_cases import STEPS, assert_as_reference, trained

from recipes.skeleton.dry_run import facts, mebibytes
from zoo.architectures.gemma2.model import Gemma
from zoo.architectures.llama.model import Llama
from zoo.errors import UserError
from zoo.layers import Recomputable
from zoo.models import GPT2, T5, Encoder, EncoderDecoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier
from zoo.training.distributed.devices import open_devices
from zoo.training.runs.checkpoint_files import checkpoint_paths, read_arrays

# Matrices that are whole on every device: positions, segments, and layers of as many columns as there are labels.
WHOLE = re.compile(
    r".*(_embedding|_positions)/positions|.*segment_embedding/embeddings|.*(classifier|next_sentence_head)/kernel"
    r"|.*relative_position_bias"
)
# Vectors that are added to something divided.
DIVIDED_VECTORS = re.compile(
    r".*(query|key|value|(up|gate)_projection|pooler|hidden|transform)/bias|.*(token_head/|logits_)bias"
)
PARTS_ON_2X2 = {
    "query/kernel": (16, 8),
    "key/kernel": (16, 8),
    "value/kernel": (16, 8),
    "query/bias": (8,),
    "attention/output/kernel": (8, 16),
    "attention/output/bias": (16,),
    "up_projection/kernel": (16, 12),
    "up_projection/bias": (12,),
    "down_projection/kernel": (12, 16),
    "down_projection/bias": (16,),
    "norm/gamma": (16,),
}


def parts(variable):
    """The shape of what each of the devices holds."""
    (shape,) = {shard.data.shape for shard in variable.value.addressable_shards}
    return shape


def check_division(model, by):
    """All large matrices are divided over the model axis, each along the right dimension, and all else is whole."""
    for variable in model.variables:
        matrix = len(variable.shape) > 1
        divided = not WHOLE.fullmatch(variable.path) if matrix else DIVIDED_VECTORS.fullmatch(variable.path)
        assert math.prod(variable.shape) == math.prod(parts(variable)) * (by if divided else 1), variable.path
        for end, shape in PARTS_ON_2X2.items():
            assert by != 2 or not variable.path.endswith(end) or parts(variable) == shape, variable.path


def check_moments(model):
    """The optimizer's moments are divided as their weights are."""
    for variable in model.trainable_variables:
        name = variable.path.replace("/", "_")
        slots = [v for v in model.optimizer.variables if v.path.endswith((f"{name}_momentum", f"{name}_velocity"))]
        assert len(slots) == 2
        assert all(parts(slot) == parts(variable) for slot in slots), variable.path


def blocks_of(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, Recomputable)]


def check_updates(directory, family, expected, **options):
    model = compiled(FAMILIES[family], **options)
    assert all(block.recompute == options.get("recompute", False) for block in blocks_of(model))
    what = " with ".join([family, *options])
    result = trained(model, directory / what, make=functools.partial(batch, family))
    assert_as_reference(result, model, expected, what, TOLERANCES.get(family, 1e-6))
    check_division(model, by=2)
    check_moments(model)
    return model


def check_precision(directory, expected):
    """Losses in bfloat16 are those of one device, and weights stay float32.

    JAX has no attention in float16 on CPUs.
    """
    model = compiled(gpt2, dtype="mixed_bfloat16")
    result = trained(model, directory / "bfloat16", make=functools.partial(batch, "GPT-2"), accumulate_steps=2)
    # The relative rounding is 2 ** -8.
    np.testing.assert_allclose([row["loss"] for row in result.history], expected, rtol=2**-7)
    assert max(expected) / min(expected) > 1 + 2**-4, expected
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    check_division(model, by=2)
    print("bfloat16")


def check_other_mesh(directory, expected):
    """A run goes on from whole arrays, with four devices to a replica."""
    for mesh, steps, parts in (((2, 2), 3, 2), ((1, 4), STEPS, 1)):
        open_devices("mesh", mesh)
        model = compiled(gpt2)
        result = trained(
            model, directory / "meshes", steps=steps, make=functools.partial(batch, "GPT-2"), accumulate_steps=parts
        )
        check_division(model, by=mesh[1])
        check_moments(model)
        stored = read_arrays(checkpoint_paths(directory / "meshes" / "checkpoints")[-1], "model")
        for array, variable in zip(stored, model.variables, strict=True):
            np.testing.assert_array_equal(array, keras.ops.convert_to_numpy(variable.value))
    assert_as_reference(result, model, expected, "GPT-2, 2 parts on 2x2, then 1x4")


def check_every_layout():
    """All kinds of large matrices there are get divided, and no layout is for none."""
    encoder = dict(vocabulary_size=EVEN, **SIZES, num_layers=1, max_sequence_length=8)
    layers = dict(num_encoder_layers=1, num_decoder_layers=1)
    models = [
        MaskedTokenPredictor(Encoder(**encoder, norm="pre"), next_sentence=True),
        SequenceClassifier(Encoder(**encoder), num_labels=3, pooling="first", hidden_activation="tanh"),
        TokenClassifier(Encoder(**encoder), num_labels=5),
        EncoderDecoder(ODD, EVEN, **SIZES, **layers, positions="learned", tied_embeddings="none", logits_bias=True),
        GPT2(EVEN, **SIZES, num_layers=1, tied_embeddings=False),
        T5(EVEN, **SIZES, head_dim=4, **layers, gated=True, tied_embeddings=False),
        Llama(EVEN, **SIZES, num_layers=1, attention_bias=True, feed_forward_bias=True),
        Gemma(EVEN, **SIZES, num_layers=1, qk_norm=True),
    ]
    found, declared = set(), set()
    for model in models:
        model.build()
        check_division(model, by=2)
        found |= {(type(owner), name) for owner, name, _ in divided_variables(model)}
        owners = (model, *model._flatten_layers())
        declared |= {(type(each), name) for each in owners if hasattr(each, "partition") for name in each.partition()}
    assert found == declared and len(found) == 5, (found, declared)
    print("every layout")


def divided_variables(model):
    """Yields layer, name and variable of what is divided."""
    for owner in (model, *model._flatten_layers()):
        for variable in owner._trainable_variables + owner._non_trainable_variables:
            if variable.path in keras.distribution.distribution().divisions:
                yield owner, variable.name, variable


def check_dry_run(model):
    class Batches:
        def epoch(self, index):
            return iter([batch("encoder-decoder", index, 0)])

        def num_batches(self):
            return 3

    def on_first_device(variables):
        shards = (shard for variable in variables for shard in variable.value.addressable_shards)
        return sum(shard.data.nbytes for shard in shards if shard.device == jax.devices()[0])

    options = SimpleNamespace(accumulate_steps=1, strategy="mesh")
    printed = facts(SimpleNamespace(devices=options, precision="float32"), model, Batches(), 6)
    assert printed["devices"] == "4 (jax backend, strategy mesh, batches divided over 2, the model over 2)"
    assert printed["batch"].endswith("; 3 rows at a time on a device")
    for variables in (model.variables, model.optimizer.variables):
        assert mebibytes(variables) * 2**20 == on_first_device(variables)
    assert mebibytes(model.variables) * 2**20 < 0.7 * sum(variable.value.nbytes for variable in model.variables)
    print("dry run")


def check_refusals(directory):
    def refused(message, mesh, make=None, **sizes):
        keras.distribution.set_distribution(None)
        with pytest.raises(UserError, match=re.escape(message)):
            open_devices("mesh", mesh)
            make = make or functools.partial(GPT2, EVEN, **{**SIZES, **sizes}, num_layers=1)
            trained(compiled(make), directory / "refused", steps=1)

    refused("--mesh 3x2 is of 6 devices, and there are 4: choose two numbers whose product is 4", (3, 2))
    refused("a model axis of 2 does not divide the 1 attention heads of gpt2", (2, 2), num_heads=1)
    refused("a model axis of 4 does not divide intermediate_dim in gpt2", (1, 4), intermediate_dim=6)
    refused("a model axis of 4 does not divide the attention heads in gpt2", (1, 4), hidden_dim=6, num_heads=2)
    grouped = functools.partial(Llama, EVEN, **SIZES, num_key_value_heads=1, num_layers=1)
    refused("a model axis of 2 does not divide the 1 heads of keys and values of llama", (2, 2), grouped)
    with pytest.raises(UserError, match="--mesh is of several devices"):
        open_devices("one", (2, 2))
    print("refusals")


if __name__ == "__main__":
    assert jax.device_count() == 4
    folder = Path(sys.argv[1])
    of_encoder, _ = on_one_device("encoder", dropout=0.2)
    of_encoder_decoder, _ = on_one_device("encoder-decoder")
    (losses, weights), one = on_one_device("GPT-2")
    # For the processes of `jax_worker_run.py`.
    np.savez(folder / "gpt2.npz", losses, one(batch("GPT-2", 1000, 0)[0]), *weights)
    (of_bfloat16, _), _ = on_one_device("GPT-2", dtype="mixed_bfloat16")

    check_other_mesh(folder, (losses, weights))
    open_devices("auto", (2, 2))
    check_updates(folder, "encoder", of_encoder, dropout=0.2)
    check_updates(folder, "encoder", of_encoder, dropout=0.2, recompute=True)
    check_precision(folder, of_bfloat16)
    check_dry_run(check_updates(folder, "encoder-decoder", of_encoder_decoder))
    check_every_layout()
    check_refusals(folder)
