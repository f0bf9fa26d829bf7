import numpy as np
import pytest

from zoo.architectures.albert.model import Albert
from zoo.errors import UserError
from zoo.models import Encoder, TokenClassifier
from zoo.training import TokenCrossEntropy, build_optimizer, freeze, layer_rate_factors

LAYERS = 3


@pytest.fixture
def model():
    sizes = dict(hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=LAYERS, max_sequence_length=6, pooler=False)
    model = TokenClassifier(Encoder(vocabulary_size=11, **sizes), num_labels=3)
    model.build()
    return model


def changed_after_one_update(model, **options):
    """The parts of the model that an update of learning rate 0.01 moves, and how far their furthest weight goes."""
    optimizer = build_optimizer("adam", 0.01, **options)
    model.compile(optimizer=optimizer, loss=TokenCrossEntropy(), run_eagerly=True)
    before = {variable.path: variable.numpy() for variable in model.variables}
    ids = np.array([[2, 3, 4, 5, 6, 7]], "int32")
    x = {"token_ids": ids, "padding_mask": np.ones_like(ids), "segment_ids": np.array([[0, 0, 0, 1, 1, 1]], "int32")}
    model.train_on_batch(x, ids % 3, np.ones((1, 6), "float32"))
    moved = {}
    for variable in model.variables:
        distance = np.abs(variable.numpy() - before[variable.path]).max()
        if "seed_generator" in variable.path:
            continue
        part = variable.path.removeprefix(f"{model.name}/").removeprefix(f"{model.encoder.name}/").split("/")[0]
        if distance:
            moved[part] = max(moved.get(part, 0.0), float(distance))
    return moved


EMBEDDINGS = {"token_embedding", "segment_embedding", "position_embedding", "embedding_norm"}
BLOCKS = [f"encoder_block_{depth}" for depth in range(LAYERS)]


@pytest.mark.parametrize("blocks", [None, 0, 1, LAYERS])
def test_freezing(model, blocks):
    freeze(model, blocks)
    expected = {"classifier", *BLOCKS, *EMBEDDINGS} if blocks is None else {"classifier", *BLOCKS[LAYERS - blocks :]}
    assert changed_after_one_update(model).keys() == expected


def test_a_block_that_layers_share_counts_as_the_top_one_of_them():
    sizes = dict(hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=4, num_groups=2, max_sequence_length=6)
    model = TokenClassifier(Albert(vocabulary_size=11, **sizes, embedding_dim=4, pooler=False), num_labels=3)
    model.build()
    blocks = model.encoder.encoder_blocks
    factors = layer_rate_factors(model, 0.5)
    assert [factors[block.variables[0].path] for block in blocks] == [0.5**3, 0.5]
    for number, trained in ((0, []), (1, [1]), (2, [1]), (3, [0, 1]), (4, [0, 1])):
        freeze(model, number)
        assert [i for i, block in enumerate(blocks) if block.trainable] == trained


def test_thawing(model):
    everything = len(model.trainable_variables)
    freeze(model, 0)
    assert len(model.trainable_variables) == 2
    freeze(model, None)
    assert len(model.trainable_variables) == everything


def test_rates_shrink_downwards(model):
    """Adam's first update moves every weight with a gradient by its learning rate."""
    moved = changed_after_one_update(model, rate_factors=layer_rate_factors(model, 0.5))
    expected = {
        "classifier": 1.0,
        BLOCKS[2]: 0.5,
        BLOCKS[1]: 0.25,
        BLOCKS[0]: 0.125,
        **dict.fromkeys(EMBEDDINGS, 0.0625),
    }
    assert moved.keys() == expected.keys()
    for part, factor in expected.items():
        assert moved[part] == pytest.approx(0.01 * factor, rel=1e-3), part


def test_impossible_values(model):
    with pytest.raises(UserError, match="the encoder has 3 blocks; 4 of them cannot be trained"):
        freeze(model, 4)
    with pytest.raises(UserError, match="must be above 0 and at most 1, got 0"):
        layer_rate_factors(model, 0.0)
