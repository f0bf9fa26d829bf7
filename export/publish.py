"""Publishing a version by rename: a server sees a whole version or none, and no version is ever overwritten."""

import contextlib
import errno
import fcntl
import os
import shutil
import uuid
from pathlib import Path

import tensorflow as tf

from zoo.errors import UserError

_INCOMING = ".incoming-"


class Incoming:
    """A private directory on the file system of the versions, in which a version is written and checked.

    Attributes:
        version_directory: where to write the SavedModel; becomes `<serving_directory>/<version>`.
        beside_directory: files for `<serving_directory>` itself, put there when the version is published.
    """

    def __init__(self, serving_directory, directory):
        self.serving_directory = serving_directory
        self.directory = directory
        self.version_directory = directory / "version"
        self.beside_directory = directory / "beside"
        self.version_directory.mkdir()
        self.beside_directory.mkdir()

    def publish(self, version=None):
        """Makes the version visible to servers.

        Args:
            version: its number; the next free one by default.

        Returns:
            Path of the published version.

        Raises:
            UserError: if `version` exists already, or the file system refuses.
        """
        with writing_to(self.serving_directory):
            _flush(self.directory)
            target = self._rename(version)
            for path in sorted(self.beside_directory.iterdir()):
                path.replace(self.serving_directory / path.name)
        return target

    def _rename(self, version):
        while True:
            number = next_version(self.serving_directory) if version is None else version
            target = self.serving_directory / str(number)
            # A rename would replace an empty directory, so look first; against a version that another export puts here
            # in between, the rename itself fails, because versions are never empty.
            if not os.path.lexists(target):
                try:
                    self.version_directory.rename(target)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                        raise
                else:
                    _flush_directory(self.serving_directory)
                    return target
            if version is not None:
                raise _version_exists(target)


def next_version(serving_directory):
    """One more than the highest integer name in `serving_directory`; 1 if there is none."""
    numbers = [int(path.name) for path in Path(serving_directory).iterdir() if _is_integer(path.name)]
    return max(numbers, default=0) + 1


def check_version(serving_directory, version):
    """Refuses a version number before any work is done for it.

    Raises:
        UserError: if it is not a positive integer or exists already.
    """
    if version is None:
        return
    if isinstance(version, bool) or not isinstance(version, int) or not 0 < version < 2**63:
        raise UserError(f"--version: {version!r} is not a positive integer; leave it out to get the next free version")
    # Servers read 3, 03 and 003 as one version.
    directory = Path(serving_directory)
    if directory.is_dir():
        for path in directory.iterdir():
            if _is_integer(path.name) and int(path.name) == version:
                raise _version_exists(path)


@contextlib.contextmanager
def incoming_version(serving_directory):
    """A context in which a version is written; whatever is not published disappears when the context ends.

    Also removes what killed exports have left. Directories of exports that are still running hold a lock and stay.

    Args:
        serving_directory: the directory of all versions of a model; made if it is missing.

    Yields:
        `Incoming`.

    Raises:
        UserError: if the directory cannot be made or written: not a directory, read-only, disk full.
    """
    serving_directory = Path(serving_directory)
    made = []
    lock = None
    directory = None
    try:
        with writing_to(serving_directory):
            made = _make_directories(serving_directory)
            _remove_stale(serving_directory)
            directory, lock = _make_locked(serving_directory)
            incoming = Incoming(serving_directory, directory)
        yield incoming
    finally:
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        for path in reversed(made):
            # Fails, as it should, once the directory holds something.
            with contextlib.suppress(OSError):
                path.rmdir()


@contextlib.contextmanager
def writing_to(serving_directory):
    """A context in which the errors of the file system, TensorFlow's too, become a `UserError` that names the cause."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot write to {serving_directory}: {_reason(error)}; nothing was published: free some space or give "
            "another directory"
        ) from error


def _make_directories(directory):
    missing = []
    path = directory
    while not path.exists():
        missing.append(path)
        if path == path.parent:
            break
        path = path.parent
    if not path.is_dir():
        raise UserError(f"{path} is a file; the serving directory must be a directory, for example serving/translation")
    directory.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _make_locked(serving_directory):
    """A new incoming directory and the descriptor that holds its lock."""
    while True:
        directory = serving_directory / f"{_INCOMING}{os.getpid()}-{uuid.uuid4().hex[:8]}"
        directory.mkdir()
        try:
            lock = os.open(directory, os.O_RDONLY)
        except FileNotFoundError:
            continue
        # Between mkdir and lock another export may take the directory for a stale one and remove it: then try again.
        if _try_lock(lock) is not False and os.fstat(lock).st_nlink > 0 and directory.exists():
            return directory, lock
        os.close(lock)


def _remove_stale(serving_directory):
    for path in serving_directory.glob(f"{_INCOMING}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                if _try_lock(descriptor):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _try_lock(descriptor):
    """True when locked, False when somebody else holds the lock, None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _flush(directory):
    """Waits until every file of a tree is on the disk, so that a published version survives a power cut."""
    for folder, _, files in os.walk(directory):
        for name in files:
            with (Path(folder) / name).open("rb") as file:
                os.fsync(file.fileno())
        _flush_directory(folder)


def _flush_directory(directory):
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_integer(name):
    return name.isascii() and name.isdecimal()


def _version_exists(path):
    return UserError(
        f"version {path} exists already and is never overwritten; leave --version out to get the next free one"
    )


def _reason(error):
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return (error.message or str(error)).strip().splitlines()[0]
