"""The benchmarks compare like with like: PyTorch's contestant computes what this project's model computes."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from zoo.models import EncoderDecoder
from zoo.training.updates.token_loss import TokenCrossEntropy

sys.path.insert(0, str(Path(__file__).parent))
from batch_file import load_batches, real_tokens, save_batches
from torch_transformer import TorchTransformer

SIZES = dict(hidden_dim=32, intermediate_dim=48, num_heads=4, dropout=0.3)
VOCABULARY_SIZE = 50


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    lengths = np.array([[7], [3], [5]])
    ids = generator.integers(4, VOCABULARY_SIZE, (3, 3, 7)).astype(np.int32)
    mask = np.arange(7) < lengths
    x = {
        "source_token_ids": ids[0],
        "source_padding_mask": mask.astype(np.int32),
        "target_token_ids": ids[1][:, :6],
    }
    return x, ids[2][:, :6], mask[:, :6].astype(np.float32)


def test_torch_model_equals_ours(batch):
    x, labels, weights = batch
    model = EncoderDecoder(VOCABULARY_SIZE, VOCABULARY_SIZE, **SIZES, num_encoder_layers=2, num_decoder_layers=2)
    model.build()
    generator = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(variable.numpy() + 0.1 * generator.normal(size=variable.shape))
    theirs = TorchTransformer(VOCABULARY_SIZE, **SIZES, num_layers=2)
    theirs.load_weights_of(model)
    theirs.eval()
    assert sum(parameter.numel() for parameter in theirs.parameters()) == model.count_params()

    logits = theirs(**{name: torch.from_numpy(array) for name, array in x.items()})
    expected = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(logits.detach().numpy(), expected, atol=2e-5)

    loss = TokenCrossEntropy(0.1)(labels, expected, sample_weight=weights)
    targets = torch.from_numpy(np.where(weights > 0, labels, -100).astype(np.int64))
    their_loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=0.1)
    assert float(loss) == pytest.approx(their_loss.item(), abs=1e-5)


def test_torch_model_drops_out_where_ours_does():
    model = EncoderDecoder(VOCABULARY_SIZE, VOCABULARY_SIZE, **SIZES, num_encoder_layers=1, num_decoder_layers=1)
    rates = [layer.rate for layer in model._flatten_layers() if type(layer).__name__ == "Dropout"]
    theirs = TorchTransformer(VOCABULARY_SIZE, **SIZES, num_layers=1)
    modules = [module for module in theirs.modules() if isinstance(module, torch.nn.Dropout)]
    # One layer per block is called after each of its sub-layers here, and one per sub-layer there.
    assert set(rates) == {0.3} and {module.p for module in modules} == {0.3}
    assert len(rates) == 1 + 2 and len(modules) == 1 + 2 + 3
    attentions = [module for module in theirs.modules() if isinstance(module, torch.nn.MultiheadAttention)]
    assert len(attentions) == 3 and all(attention.dropout == 0.0 for attention in attentions)


def test_batches_come_back_as_they_were_saved(batch, tmp_path):
    x, labels, weights = batch
    other = ({name: array[:1] for name, array in x.items()}, labels[:1], weights[:1])
    save_batches([batch, other], tmp_path / "batches.npz")
    found = load_batches(tmp_path / "batches.npz")
    for (x, labels, weights), (found_x, found_labels, found_weights) in zip([batch, other], found, strict=True):
        assert list(found_x) == list(x)
        for name, array in x.items():
            np.testing.assert_array_equal(found_x[name], array)
        np.testing.assert_array_equal(found_labels, labels)
        np.testing.assert_array_equal(found_weights, weights)
    assert real_tokens(found) == 14 + 6
