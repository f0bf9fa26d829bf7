"""What stands in the pictures: read from the figure that is drawn, whose file is a PNG."""

import matplotlib.figure
import numpy as np
import pytest

from zoo.errors import UserError
from zoo.metrics.calibration import calibration_bins
from zoo.metrics.pictures import plot_confusion, plot_reliability


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    figures = []
    save = matplotlib.figure.Figure.savefig

    def keep(figure, *args, **kwargs):
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", keep)
    return figures


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG")


def test_small_confusion_matrix_has_its_counts(tmp_path, drawn):
    path = tmp_path / "confusion.png"
    counts = np.array([[1200, 0, 4], [3, 0, 1], [0, 0, 0]])
    plot_confusion(counts, ["person", "place", "no entity"], path, title="WNUT-17", what="entities")
    axes = drawn[0].axes[0]
    written = {tuple(map(int, text.get_position())): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "1,200", (2, 0): "4", (0, 1): "3", (2, 1): "1"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["person", "place", "no entity"]
    assert axes.get_title() == "WNUT-17"
    np.testing.assert_allclose(axes.images[0].get_array()[1], [0.75, 0, 0.25])
    assert is_png(path)


def test_large_confusion_matrix_has_none(tmp_path, drawn):
    plot_confusion(np.eye(31, dtype=int), [f"class_{number}" for number in range(31)], tmp_path / "confusion.png")
    assert len(drawn[0].axes[0].texts) == 0
    assert len(drawn[0].axes[0].get_xticklabels()) == 31


def test_reliability(tmp_path, drawn):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], 500)
    bins = calibration_bins(probabilities, rng.integers(0, 3, 500))
    plot_reliability({"as trained": bins}, tmp_path / "reliability.png")
    upper, lower = drawn[0].axes
    line = upper.lines[1]
    np.testing.assert_allclose(line.get_xdata(), bins.confidences[bins.counts > 0])
    np.testing.assert_allclose(line.get_ydata(), bins.accuracies[bins.counts > 0])
    assert f"ECE {100 * bins.expected_error:.1f}%" in line.get_label()
    assert max(patch.get_data().values.max() for patch in lower.patches) == pytest.approx(bins.counts.max() / 500)
    assert is_png(tmp_path / "reliability.png")


def test_a_full_disk_leaves_the_earlier_picture(tmp_path, full_disk):
    path = tmp_path / "confusion.png"
    path.write_text("earlier")
    with pytest.raises(UserError, match=r"confusion\.png: cannot write \(No space left on device\): free some space"):
        plot_confusion(np.eye(2, dtype=int), ["a", "b"], path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("confusion.png", "earlier")]
