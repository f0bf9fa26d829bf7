"""Every key of the files of a directory is followed as transformers follows it, or refused by name."""

import pytest
from every_key import FAMILIES, verdicts

# The families whose keys were all gone through; docs/checkpoints.md names them.
HELD = ("bert", "distilbert")
CASES = [(family, file) for family in HELD for file in FAMILIES[family].files]
_HELD = ("equal", "refused", "unimportant")


def test_another_value_of_some_keys(tmp_path):
    """A part of what follows, for every run of the suite."""
    keys = {
        "hidden_act": "equal",
        "layer_norm_eps": "equal",
        "is_decoder": "refused",
        "use_cache": "unimportant",
    }
    assert verdicts("bert", tmp_path / "model", "config.json", keys) == keys


@pytest.mark.long
@pytest.mark.parametrize(("family", "file"), CASES)
def test_another_value_of_every_key(tmp_path, family, file):
    found = verdicts(family, tmp_path / "model", file)
    wrong = {key: verdict for key, verdict in found.items() if not verdict.startswith((*_HELD, "illegal"))}
    assert not wrong, "\n".join(f"{key}: {verdict}" for key, verdict in wrong.items())
    assert sum(verdict in _HELD for verdict in found.values()) >= 10
