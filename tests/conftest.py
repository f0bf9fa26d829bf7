"""What tests of several folders share: a tiny translator, the models it stores, and one process for each backend."""

import atexit
import contextlib
import errno
import fcntl
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Tests compile much and compute little: without its emitters of fusions XLA compiles in half the time,
# and in one piece faster than in pieces for many processors.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")
# On one processor too, a request that waits must not keep the others from being answered.
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")
# The usual build of PyTorch for Linux brings Triton, which crashes if TensorFlow is imported before it.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401


def keep_to_own_processors():
    """Gives each worker of a test run a share of the processors for itself and its children.

    Threads of as many as all workers could use stand in each other's way.
    """
    name = os.environ.get("PYTEST_XDIST_WORKER")
    if name is None or not hasattr(os, "sched_setaffinity"):
        return
    processors = sorted(os.sched_getaffinity(0))
    share = processors[int(name.removeprefix("gw")) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
    if share:
        os.sched_setaffinity(0, share)


keep_to_own_processors()

ROOT = Path(__file__).parents[1]
# As in every process that a test starts and that keeps this PYTHONPATH; see there.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT / "tests" / "processes"), os.environ.get("PYTHONPATH")])
)
gc.set_threshold(100_000, 50, 100)
atexit.register(gc.freeze)
FIRST = (
    "readme/test_translation.py",
    "zoo/tasks/test_text_generator.py",
    "readme/test_other_checkpoints.py",
    "readme/test_generators.py",
    "readme/test_encoders.py",
    "readme/test_own_data.py",
    "zoo/training/test_replicas.py",
    "test_language_modeling.py",
)
"""The files that take longest. The first has no use for what the second makes, and others wait for."""
# What tests of several folders share is in `support`; what those of one folder share is there.
sys.path[:0] = [
    str(ROOT / "tests" / folder) for folder in ("support", "processes", "readme", "zoo/layers", "zoo/tasks")
]


@pytest.fixture(scope="session", autouse=True)
def parity_server(tmp_path_factory):
    """In a run of several workers, each has a server for the processes that check its exports; see there."""
    path = str(tmp_path_factory.mktemp("parity") / "socket")
    # Other systems know no such sockets, and addresses of files have at most 107 bytes.
    if "PYTEST_XDIST_WORKER" not in os.environ or sys.platform != "linux" or len(os.fsencode(path)) > 107:
        yield
        return
    command = [sys.executable, str(ROOT / "tests" / "processes" / "parity_server.py"), path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        os.environ["PARITY_SERVER"] = path
        yield
        server.stdin.close()


def pytest_collection_modifyitems(items):
    """Begins with the longest files, so that workers end together."""

    def place(item):
        return next((place for place, name in enumerate(FIRST) if str(item.path).endswith(name)), len(FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def tiny_tokenizer():
    """A joint vocabulary of 299 tokens, 256 of them bytes."""
    from tiny_translation import LINES

    from zoo.tokenizers import SentencePieceTokenizer

    words = [line.decode("utf-8", "ignore") if isinstance(line, bytes) else line for line in LINES]
    return SentencePieceTokenizer.train(words * 3, 299, "bpe")


@pytest.fixture(scope="session")
def tiny_translator(tiny_tokenizer):
    from tiny_translation import make_tiny_model

    from zoo.tasks import TranslationSettings, Translator

    settings = TranslationSettings(num_beams=3, max_new_tokens=14, max_source_length=24)
    return Translator(make_tiny_model(tiny_tokenizer), tiny_tokenizer, settings=settings, examples=["the horse"])


@pytest.fixture
def refused(capsys):
    """Runs a command that must end with status 2 and one line on stderr, the error, and returns the line.

    Called with the command's `main` and its arguments.
    """

    def run(main, arguments):
        capsys.readouterr()  # What was said before is not the command's.
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        return line

    return run


@pytest.fixture
def full_disk(monkeypatch):
    """Nothing that is written and waited for comes onto the disk."""

    def no_space(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)


@pytest.fixture
def untraced_tasks(monkeypatch):
    """Tasks answer step by step, where a graph is not the point: tracing takes longer than a few texts do without."""
    from zoo.tasks import inference_functions

    monkeypatch.setattr(inference_functions, "traced", lambda function, *signature: function)


@pytest.fixture
def one_server(monkeypatch):
    """Starts a local server of a directory, which `python -m export.ask` then asks in place of starting its own."""
    from export.serve import local_server

    with contextlib.ExitStack() as servers:

        def start(directory):
            server = servers.enter_context(local_server.LocalServer(directory))
            monkeypatch.setattr(local_server, "LocalServer", lambda *_, **options: contextlib.nullcontext(server))

        yield start


@contextlib.contextmanager
def locked(path):
    """Lets one process at a time into the block."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def shared_directory(tmp_path_factory):
    """A directory that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def stored(shared_directory, tiny_translator):
    """A directory with every case of the layer harness as a .keras file with its inputs and outputs, and presets with
    texts to translate and to label."""
    directory = shared_directory / "stored"
    with locked(shared_directory / "stored.lock"):
        if not (directory / "lines.json").exists():
            store(directory, tiny_translator)
    return directory


def store(directory, tiny_translator):
    import numpy as np
    import tiny_decoder_summarizer
    import tiny_encoder_tasks
    import tiny_generator
    from changed_models import changed_models, quantize
    from layer_harness import CASES, as_a_model
    from tiny_translation import LINES

    directory.mkdir()
    for name, model, inputs in [*map(as_a_model, CASES), *changed_models()]:
        model.save(directory / f"{name}.keras")
        model.save_weights(directory / f"{name}.weights.h5")
        outputs = model(inputs)
        outputs = outputs if isinstance(outputs, dict) else {"": outputs}
        outputs = {f"output:{key}": np.asarray(value) for key, value in outputs.items()}
        np.savez(directory / f"{name}.npz", **outputs, **inputs)
    tiny_translator.save(directory / "preset")
    for make in (
        tiny_encoder_tasks.make_recognizer,
        tiny_encoder_tasks.make_classifier,
        tiny_encoder_tasks.make_masked_language_model,
    ):
        make().save(directory / make.__name__.removeprefix("make_"))
    classifier = tiny_encoder_tasks.make_classifier()
    quantize(classifier.model, "int8")
    classifier.save(directory / "quantized_classifier")
    tiny_generator.make_generator().save(directory / "generator")
    tiny_decoder_summarizer.make_decoder_summarizer().save(directory / "decoder_summarizer")
    lines = [line if isinstance(line, str) else line.decode("utf-8", "replace") for line in LINES]
    # Last, because it says that everything is there.
    (directory / "lines.json").write_text(json.dumps(lines))


@pytest.fixture(scope="session")
def on_backend(shared_directory, stored):
    """What `stored_on_one_backend.py` prints, by backend; each runs once in a test run, in a process of its own."""

    def run(backend):
        path = shared_directory / f"{backend}.json"
        with locked(path.with_suffix(".lock")):
            if not path.exists():
                path.write_text(printed(backend, stored))
        return json.loads(path.read_text())

    return run


def printed(backend, stored):
    """The last line that the script prints on a backend."""
    from commands import run_script

    done = run_script([ROOT / "tests" / "support" / "stored_on_one_backend.py", stored], backend)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]
