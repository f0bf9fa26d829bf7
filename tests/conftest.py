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
# The harness and the references of tests/zoo/layers serve the models too.
sys.path.insert(0, str(ROOT / "tests" / "zoo" / "layers"))

LINES = [
    "a man rides a horse",
    "two dogs run through the snow",
    "",
    "ein Mann reitet",
    "the horse",
    " \t\u3000",
    "zwei kleine Hunde laufen durch den tiefen Schnee und spielen",
    b"a \xff man \xe2\x82",
]


@pytest.fixture(scope="session")
def tiny_tokenizer():
    """A joint vocabulary of 299 tokens, 256 of them bytes."""
    from zoo.tokenizers import SentencePieceTokenizer

    words = [line.decode("utf-8", "ignore") if isinstance(line, bytes) else line for line in LINES]
    return SentencePieceTokenizer.train(words * 3, 299, "bpe")


def make_tiny_model(tokenizer, **options):
    """Two layers a side, with random weights that give every text an answer of its own, of words and not of bytes."""
    import numpy as np

    from zoo.models import EncoderDecoder

    sizes = dict(hidden_dim=24, intermediate_dim=32, num_heads=2, num_encoder_layers=2, num_decoder_layers=2)
    options = {
        "max_sequence_length": 40,
        "tied_embeddings": "none",
        "norm": "pre",
        "positions": "learned",
        **sizes,
        **options,
    }
    model = EncoderDecoder(tokenizer.vocabulary_size, tokenizer.vocabulary_size, **options)
    model.build()
    rng = np.random.default_rng(11)
    for weight in model.trainable_weights:
        if len(weight.shape) == 2:
            scale = {"embeddings": 0.4, "positions": 1.2}.get(weight.name, 1.6 / weight.shape[0] ** 0.5)
            weight.assign(rng.normal(0, scale, size=weight.shape))
    output = rng.normal(0, 0.8, size=(tokenizer.vocabulary_size, 24))
    output[4:267] *= 0.1  # bytes and escapes stay improbable
    output[tokenizer.eos_id] *= 2.0
    model.output_embedding.embeddings.assign(output)
    return model


@pytest.fixture(scope="session")
def tiny_translator(tiny_tokenizer):
    from zoo.tasks import TranslationSettings, Translator

    settings = TranslationSettings(num_beams=3, max_new_tokens=14, max_source_length=24)
    return Translator(make_tiny_model(tiny_tokenizer), tiny_tokenizer, settings=settings, examples=["the horse"])


@pytest.fixture(scope="session")
def stored(tmp_path_factory, tiny_translator):
    """A directory with every case of the layer harness as a .keras file with its inputs and outputs, and a preset
    with texts to translate."""
    import numpy as np
    from layer_harness import CASES, functional

    directory = tmp_path_factory.mktemp("stored")
    for case in CASES:
        model = functional(case)
        model.save(directory / f"{case.name}.keras")
        model.save_weights(directory / f"{case.name}.weights.h5")
        inputs = case.inputs.get("inputs") if "model" in case.name else case.inputs
        output = model(inputs)
        np.savez(directory / f"{case.name}.npz", output=np.asarray(output), **inputs)
    tiny_translator.save(directory / "preset")
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
            path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
            environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
            done = subprocess.run(
                [sys.executable, str(script), str(stored)], env=environment, capture_output=True, text=True, timeout=500
            )
            assert done.returncode == 0, done.stderr[-3000:]
            results[backend] = json.loads(done.stdout.splitlines()[-1])
        return results[backend]

    return run
