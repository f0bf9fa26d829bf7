import fcntl
import os
import threading
from pathlib import Path

import pytest

from export.publish import check_version, incoming_version, next_version
from zoo.errors import UserError


def _publish(directory, content, version=None):
    with incoming_version(directory) as incoming:
        (incoming.version_directory / "saved_model.pb").write_text(content)
        (incoming.beside_directory / "serving.md").write_text(content)
        return incoming.publish(version)


def _tree(directory):
    return {str(path.relative_to(directory)) for path in Path(directory).rglob("*")}


def test_versions_count_up_and_skip_names_that_are_no_integers(tmp_path):
    for name in ("3.tmp", ".9", "-7", "latest"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 1
    assert _publish(tmp_path, "first") == tmp_path / "1"
    (tmp_path / "007").mkdir()
    (tmp_path / "11").write_text("a file occupies its name too")
    assert _publish(tmp_path, "second") == tmp_path / "12"
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "first"
    assert (tmp_path / "serving.md").read_text() == "second"


def test_chosen_version_is_never_overwritten(tmp_path):
    assert _publish(tmp_path, "first", version=5) == tmp_path / "5"
    before = _tree(tmp_path)
    with pytest.raises(UserError, match="never overwritten"):
        _publish(tmp_path, "second", version=5)
    assert (tmp_path / "5" / "saved_model.pb").read_text() == "first"
    assert (tmp_path / "serving.md").read_text() == "first"
    assert _tree(tmp_path) == before


def test_empty_directory_with_the_number_is_not_replaced(tmp_path):
    (tmp_path / "4").mkdir()
    with pytest.raises(UserError, match="never overwritten"):
        _publish(tmp_path, "x", version=4)
    assert _publish(tmp_path, "x") == tmp_path / "5"


@pytest.mark.parametrize("version", [0, -1, 2**63, True, "3"])
def test_impossible_versions_name_the_option(tmp_path, version):
    with pytest.raises(UserError, match=r"^--version: "):
        check_version(tmp_path, version)


def test_version_with_leading_zeros_counts_as_the_same(tmp_path):
    (tmp_path / "003").mkdir()
    with pytest.raises(UserError, match="never overwritten"):
        check_version(tmp_path, 3)


def test_concurrent_exports_get_different_versions(tmp_path):
    barrier = threading.Barrier(12)
    published = []

    def run(content):
        barrier.wait()
        published.append((_publish(tmp_path, content), content))

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(path.name) for path, _ in published) == list(range(1, 13))
    assert all((path / "saved_model.pb").read_text() == content for path, content in published)
    assert not [name for name in _tree(tmp_path) if name.startswith(".")]


def test_leftovers_of_killed_exports_go_and_running_ones_stay(tmp_path):
    killed, running = tmp_path / ".incoming-1-aa", tmp_path / ".incoming-2-bb"
    for path in (killed, running):
        (path / "version" / "variables").mkdir(parents=True)
    (tmp_path / ".incoming-note").write_text("not a directory")
    lock = os.open(running, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _publish(tmp_path, "x")
        assert not killed.exists()
        assert (running / "version" / "variables").is_dir()
        assert (tmp_path / ".incoming-note").exists()
    finally:
        os.close(lock)


def test_nothing_is_left_of_a_failed_export(tmp_path):
    target = tmp_path / "a" / "b"
    with pytest.raises(RuntimeError, match="boom"), incoming_version(target) as incoming:
        (incoming.version_directory / "saved_model.pb").write_text("x")
        raise RuntimeError("boom")
    assert _tree(tmp_path) == set()


def test_directory_that_was_there_stays(tmp_path):
    with pytest.raises(RuntimeError, match="boom"), incoming_version(tmp_path):
        raise RuntimeError("boom")
    assert tmp_path.is_dir()


@pytest.mark.parametrize("part", ["", "below"])
def test_serving_directory_that_is_a_file(tmp_path, part):
    file = tmp_path / "serving"
    file.write_text("precious")
    with pytest.raises(UserError, match="is a file"), incoming_version(file / part):
        pass
    assert file.read_text() == "precious"


def test_directory_that_cannot_be_made():
    # Nobody can make directories here, not even root.
    reason = r"cannot write to /proc/serving: .*nothing was published: free some space or give another directory$"
    with pytest.raises(UserError, match=reason), incoming_version("/proc/serving"):
        pass
