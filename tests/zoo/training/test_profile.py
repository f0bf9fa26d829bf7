import io

import pytest
from tiny_run import train_tiny

from zoo.errors import UserError
from zoo.training.callbacks.profile import Profile


def named_updates(path):
    """Numbers of the updates in an XProf file."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    numbers = set()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            if plane.event_metadata[event.metadata_id].name == "train":
                stats = {plane.stat_metadata[stat.metadata_id].name: stat for stat in event.stats}
                numbers.add(max(stats["step_num"].int64_value, stats["step_num"].uint64_value))
    return numbers


def test_profiles_the_updates_after_the_first(tmp_path):
    file = io.StringIO()
    train_tiny(tmp_path, 9, eager=True, callbacks=[Profile(2, file)])
    (path,) = (tmp_path / "profile").rglob("*.xplane.pb")
    assert named_updates(path) == {6, 7}
    where = f"{tmp_path / 'profile'}"
    assert file.getvalue() == (
        f"profile of updates 6 to 7 in {where}: look at it with `xprof --logdir {where}` (pip install xprof)\n"
    )
    file = io.StringIO()
    train_tiny(tmp_path, 15, eager=True, callbacks=[Profile(10, file)])
    assert file.getvalue().startswith("profile of updates 15 to 15 in "), "what there is when training ends"


def test_training_that_ends_before(tmp_path):
    file = io.StringIO()
    train_tiny(tmp_path, 5, eager=True, callbacks=[Profile(1, file)])
    assert file.getvalue() == "no profile: training ended before update 6\n"
    assert not (tmp_path / "profile").exists()


def test_a_profile_of_nothing_is_refused():
    with pytest.raises(UserError, match="a profile is of at least 1 update, got 0"):
        Profile(0)
