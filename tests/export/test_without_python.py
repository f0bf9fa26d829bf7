"""A C++ program with TensorFlow Serving's loader runs an exported version: no Python, no Keras, no XLA."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text
from tiny_encoder_tasks import make_recognizer
from tiny_generator import make_generator

from export.served_form import ServedForm, in_fixed_width
from export.signatures import ServedTask, build_signatures

TEXTS = [
    "ABC Österreich",
    "",
    "😀 One Two Three Four Five Six Seven",
    b"Marie \xff born in K\xc3\xb6ln",
    "the slow fox",
]

_TYPES = {"int32": "int", "float32": "float", "string": "string"}

# Operations that TensorFlow Serving up to 2.19 does not link.
NEWER_LIBRARIES = ("_trimmer_ops.so", "_utf8_binarize_op.so")


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    package = Path(tf.__file__).parent
    libraries = ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
    if not all((package / library).is_file() for library in libraries):
        pytest.skip("the TensorFlow wheel of this platform has no C++ libraries")
    program = tmp_path_factory.mktemp("loader") / "loader"
    source = Path(__file__).with_name("loader.cc")
    subprocess.run(
        [
            compiler, "-w", "-O1", "-std=c++17", *tf.sysconfig.get_compile_flags(), str(source), "-o", str(program),
            f"-L{package}", "-Wl,--no-as-needed", *(f"-l:{library}" for library in libraries), f"-Wl,-rpath,{package}",
        ],
        check=True,
    )  # fmt: skip
    return program


def _run(loader, directory, texts, left_out=(), options=()):
    folder = Path(tensorflow_text.__file__).parent / "python" / "ops"
    libraries = sorted(str(path) for path in folder.glob("_*.so") if path.name not in left_out)
    return subprocess.run(
        [str(loader), str(directory), *options, *libraries, "--", *texts],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _answers(stdout):
    """Outputs of the loader by name, as arrays."""
    found = {}
    for line in stdout.splitlines():
        name, shape, *values = line.split(" ")
        strings = bool(values) and values[0].startswith("s")
        values = [bytes.fromhex(value[1:]) if strings else float(value) for value in values]
        found[name] = np.array(values, object if strings else float).reshape([int(n) for n in shape.split("x")[1:]])
    return found


@pytest.fixture(scope="module")
def make_task(tiny_translator):
    """Makers of tasks with each kind of tokenizer, by its name."""
    return {"SentencePiece": lambda: tiny_translator, "WordPiece": make_recognizer, "byte pairs": make_generator}


@pytest.mark.parametrize("tokenizer", ["SentencePiece", "WordPiece", "byte pairs"])
def test_old_and_new_servers_answer_as_python(loader, make_task, tokenizer, tmp_path):
    task = make_task[tokenizer]()
    form = ServedForm(row_errors=True, width=3 if task.ragged_outputs else None)
    tf.saved_model.save(ServedTask(task), str(tmp_path), signatures=build_signatures(task, form))
    outputs = task.predict_batch(tf.constant(TEXTS))
    if task.ragged_outputs:
        outputs = in_fixed_width(outputs, task.ragged_outputs, 3)
    expected = {name: value.numpy() for name, value in outputs.items()}
    for left_out in ((), NEWER_LIBRARIES):
        finished = _run(loader, tmp_path, TEXTS, left_out)
        assert finished.returncode == 0, finished.stderr
        answers = _answers(finished.stdout)
        assert answers.keys() == expected.keys()
        for name, value in expected.items():
            if value.dtype == object:
                assert answers[name].tolist() == value.tolist(), name
            else:
                np.testing.assert_allclose(answers[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    assert any(value.dtype == object and value.size and any(value.flat) for value in expected.values())

    if task.controls:
        check_rows_with_errors(loader, tmp_path, task)
    if task.ragged_outputs:
        # A server that splits a batch joins the answers to its parts.
        parts = [_answers(_run(loader, tmp_path, part).stdout) for part in (TEXTS[:1], TEXTS[1:])]
        for name, value in _answers(finished.stdout).items():
            joined = np.concatenate([part[name] for part in parts])
            assert joined.shape == value.shape == (len(TEXTS), *value.shape[1:])
            if value.dtype == object:
                assert joined.tolist() == value.tolist()


def check_rows_with_errors(loader, directory, task):
    """In one batch a row in the middle has every control out of bounds; the others are answered as alone."""
    texts = ["the slow fox", "the quick fox", "low"]
    options, bad = ["signature=generate"], []
    for name, control in task.controls.items():
        wrong = "x" * 1025 if control.dtype == "string" else control.maximum + 1
        if control.dtype != "int32" or wrong < 2**31:
            bad.append(name)
        else:  # every number is a seed
            wrong = control.default
        options.append(f"input={name}:{_TYPES[control.dtype]}:{control.default},{wrong},{control.default}")
    answers = _answers(_run(loader, directory, texts, options=options).stdout)
    defaults = [f"input={name}:{_TYPES[each.dtype]}:{each.default}" for name, each in task.controls.items()]
    rows = [
        _answers(_run(loader, directory, [text], options=["signature=generate", *defaults]).stdout) for text in texts
    ]
    in_python = task.predict_batch(tf.constant(texts[::2]))
    good, error, other = (error.decode() for error in answers.pop("error"))
    assert (good, other) == ("", "") and all(f"{name} must " in error for name in bad)
    for name, value in answers.items():
        assert not value[1]
        alone = [rows[0][name][0], rows[2][name][0]]
        # The signature has more outputs than the task, for texts that come in parts.
        for expected in (alone, *([in_python[name].numpy()] if name in in_python else [])):
            if value.dtype == object:
                assert value[::2].tolist() == list(expected)
            else:
                np.testing.assert_allclose(value[::2], expected, rtol=1e-5, atol=1e-6)


def test_xla_is_off_as_on_a_stock_server(loader, tmp_path):
    @tf.function(jit_compile=True)
    def compiled(length):
        return length * 2.0

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(text):
        return {"text": text, "score": compiled(tf.cast(tf.strings.length(text), tf.float32))}

    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=serve)
    finished = _run(loader, tmp_path, ["abc"])
    assert finished.returncode == 1
    assert "XLA" in finished.stderr
