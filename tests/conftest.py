"""What tests of several folders share: a tiny translator, the models it stores, and one process for each backend."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = Path(__file__).parents[1]
# The harness of layers serves the models too, the tiny translation model presets and tasks, the tiny tasks exports.
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("zoo/layers", "zoo/models", "zoo/tasks", "recipes")]


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


@pytest.fixture(scope="session")
def stored(tmp_path_factory, tiny_translator):
    """A directory with every case of the layer harness as a .keras file with its inputs and outputs, and a preset
    with texts to translate."""
    import numpy as np
    import tiny_encoder_tasks
    from layer_harness import CASES, functional
    from tiny_translation import LINES

    directory = tmp_path_factory.mktemp("stored")
    for case in CASES:
        model = functional(case)
        model.save(directory / f"{case.name}.keras")
        model.save_weights(directory / f"{case.name}.weights.h5")
        inputs = case.inputs["inputs"] if isinstance(case.inputs.get("inputs"), dict) else case.inputs
        outputs = model(inputs)
        outputs = outputs if isinstance(outputs, dict) else {"": outputs}
        outputs = {f"output:{name}": np.asarray(value) for name, value in outputs.items()}
        np.savez(directory / f"{case.name}.npz", **outputs, **inputs)
    tiny_translator.save(directory / "preset")
    for make in (
        tiny_encoder_tasks.make_recognizer,
        tiny_encoder_tasks.make_classifier,
        tiny_encoder_tasks.make_masked_language_model,
    ):
        make().save(directory / make.__name__.removeprefix("make_"))
    lines = [line if isinstance(line, str) else line.decode("utf-8", "replace") for line in LINES]
    (directory / "lines.json").write_text(json.dumps(lines))
    return directory


@pytest.fixture(scope="session")
def on_backend(stored):
    """What `stored_on_one_backend.py` prints, by backend; each runs once, in a process of its own."""
    results = {}

    def run(backend):
        if backend not in results:
            script = ROOT / "tests" / "zoo" / "models" / "stored_on_one_backend.py"
            folders = [str(ROOT), str(ROOT / "tests" / "zoo" / "tasks")]
            path = os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])
            environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
            done = subprocess.run(
                [sys.executable, str(script), str(stored)], env=environment, capture_output=True, text=True, timeout=500
            )
            assert done.returncode == 0, done.stderr[-3000:]
            results[backend] = json.loads(done.stdout.splitlines()[-1])
        return results[backend]

    return run
