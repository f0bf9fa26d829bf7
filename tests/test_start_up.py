"""How commands start: help and scores without TensorFlow, and standard error with our lines alone.

The tests under `readme` read what recipes, exports and servers write there.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = (
    *(f"recipes.{path.parent.name}" for path in sorted((ROOT / "recipes").glob("*/__main__.py"))),
    *(f"zoo.{path.parent.name}" for path in sorted((ROOT / "zoo").glob("*/__main__.py"))),
    "export",
    "export.ask",
    "export.serve",
)
# On a machine that does much else, or a slow one; on a free one it is a quarter of a second.
SECONDS = 3.0
HEAVY = "('tensorflow', 'keras', 'torch', 'jax', 'matplotlib', 'sklearn')"
# Runs a command as `python -m` does and says which of these it imported.
PROGRAM = f"""
import atexit, runpy, sys
atexit.register(lambda: print("imported", [name for name in {HEAVY} if name in sys.modules]))
name = sys.argv.pop(1)
runpy.run_module(name, run_name="__main__", alter_sys=True)
"""


def run(arguments, directory=ROOT, **environment):
    """A process without what the tests set for others."""
    unset = {"TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND", "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    environment = {**kept, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300)


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check_light(arguments, shown, directory=ROOT):
    before = processor_seconds()
    done = run(["-c", PROGRAM, *arguments], directory)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout and done.stderr == ""
    assert done.stdout.endswith("imported []\n"), done.stdout[-200:]
    assert processor_seconds() - before < SECONDS


def test_there_are_all_commands():
    assert {"recipes.translation", "recipes.ner", "zoo.convert", "zoo.metrics"} <= set(COMMANDS)
    assert len(COMMANDS) >= 11


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_there_at_once(command):
    check_light([command, "--help"], f"usage: python -m {command}")


def test_so_are_scores_of_two_lines(tmp_path):
    (tmp_path / "texts.txt").write_text("A man rides a horse.\nIt rains.\n", encoding="utf-8")
    check_light(["zoo.metrics", "texts.txt", "texts.txt"], "100.00", tmp_path)


def test_importing_the_package_imports_no_backend_and_keras_knows_its_classes(tmp_path):
    """Whenever Keras is imported, and though nothing but the name of the package is."""
    import zoo

    encoder = zoo.models.Encoder(20, num_layers=1, hidden_dim=4, num_heads=1, intermediate_dim=4, max_sequence_length=8)
    encoder.build()
    encoder.save(tmp_path / "model.keras")
    assert set(zoo.__all__) <= set(dir(zoo)) and all(getattr(zoo, name) is not None for name in zoo.__all__)
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'nothing'"):
        _ = zoo.nothing
    for imports in (
        "import zoo; assert not {'keras', 'jax', 'tensorflow'} & set(sys.modules); import keras",
        "from zoo.layers import FeedForward; import keras",
    ):
        program = f"import sys; {imports}; print(type(keras.saving.load_model(sys.argv[1])).__name__)"
        done = run(["-c", program, tmp_path / "model.keras"], KERAS_BACKEND="jax")
        assert done.stdout == "Encoder\n", done.stderr


def test_every_part_can_be_imported_first():
    """Layers and models are imported after Keras, and parts that they need may be what brings in Keras."""
    parts = ["zoo.weights", "zoo.adapters", "zoo.architectures"]
    for part in parts:
        done = run(["-c", f"import {part}"], KERAS_BACKEND="jax")
        assert done.returncode == 0, done.stderr


def test_compiled_models_load_after_importing_the_package_alone(tmp_path):
    """With the optimizers, schedules, losses and metrics of `zoo.training`; TensorFlow is not imported for them."""
    import zoo
    from zoo.training import ConstantAfterWarmUp, CosineDecay, InverseSquareRoot, LinearDecay, build_optimizer

    optimizers = {
        "cosine": build_optimizer("adamw", CosineDecay(1e-3, 2, 9), weight_decay=0.25),
        "linear": build_optimizer("adam", LinearDecay(1e-3, 2, 9), loss_scaling=True),
        "root": build_optimizer("adam", InverseSquareRoot(1e-3, 2)),
        "constant": build_optimizer("adam", ConstantAfterWarmUp(1e-3, 2)),
    }
    for name, optimizer in optimizers.items():
        encoder = zoo.models.Encoder(20, num_layers=1, hidden_dim=4, num_heads=1, intermediate_dim=4)
        model = zoo.models.TokenClassifier(encoder, 2)
        metrics = [zoo.training.TokenAccuracy(), zoo.training.TokenNegativeLogLikelihood()]
        model.compile(optimizer, zoo.training.TokenCrossEntropy(label_smoothing=0.25), weighted_metrics=metrics)
        model.build()
        model.save(tmp_path / f"{name}.keras")
    program = """
import sys
import zoo, keras
for name in sys.argv[1:]:
    model = keras.saving.load_model(name + ".keras")
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    config = optimizer.get_config()
    rate = config["learning_rate"]["class_name"]
    assert type(model.optimizer).__module__.startswith("zoo.training.")
    print(type(model.optimizer).__name__, type(optimizer).__name__, config["weight_decay"], rate)
    assert model.loss.label_smoothing == 0.25
    metrics = keras.tree.flatten(keras.saving.deserialize_keras_object(model.get_compile_config()["weighted_metrics"]))
    assert [type(metric) for metric in metrics] == [zoo.training.TokenAccuracy, zoo.training.TokenNegativeLogLikelihood]
assert "tensorflow" not in sys.modules
"""
    done = run(["-c", program, *optimizers], tmp_path, KERAS_BACKEND="jax")
    assert done.stdout.splitlines() == [
        "AdamW AdamW 0.25 CosineDecay",
        "LossScaleOptimizer Adam None LinearDecay",
        "Adam Adam None InverseSquareRoot",
        "Adam Adam None ConstantAfterWarmUp",
    ], done.stderr


def test_real_messages_come_through_and_all_where_a_level_is_asked_for():
    program = """
import os, sys
from zoo.errors import UserError, command_line

@command_line
def main(argv=None):
    for line in (b"normalizer.cc(51) LOG(INFO) note", b"I0000 00:00:1.5   15 port.cc:153] note",
                 b"E0000 00:00:1.5   15 nccl.cc:7] lost", b"trainer.cc(9) LOG(ERROR) broken", b"Aborted"):
        os.write(2, line + b"\\n")
    raise UserError("mistake")

main()
"""
    every = {"note", "lost", "broken", "Aborted", "mistake"}
    for level, expected in (({}, every - {"note"}), ({"TF_CPP_MIN_LOG_LEVEL": "0"}, every)):
        done = run(["-c", program], **level)
        assert done.returncode == 2 and {line.split()[-1] for line in done.stderr.splitlines()} == expected
