"""The README's commands and programs, on smaller settings, in processes of their own."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from commands import run_python

from zoo.data.datasets.sample_corpus import sample_pairs

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
_FEW_STEPS = "--total-steps 4 --warmup-steps 2 --validate-every-steps 4 --checkpoint-every-steps 4"
# Models that have learnt little write until they may no longer, so they may not for long.
_SMALLER_MODEL = "--vocabulary-size 600 --size tiny --num-layers 1 --num-beams 3 --max-length 32"
_SMALLER_DECODER = "--num-layers 1 --hidden-dim 16 --num-heads 2 --context 64 --sample-tokens 16"
# Of the texts, lengths and batches that exports are checked and warmed up with.
_FEWER_CHECKS = "--parity-file parity.txt --buckets 16 --max-batch-size 4"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


def find(module, *words):
    """The one README command that runs a module with all of the words in it."""
    found = [argv for argv in commands() if argv[:3] == ["python", "-m", module] and set(words) <= set(argv)]
    assert len(found) == 1, (module, words, found)
    return found[0]


def curl(model):
    """The README's request to a model."""
    (found,) = [argv for argv in commands() if argv[0] == "curl" and f"models/{model}:" in argv[-1]]
    return found


def run(arguments, directory):
    """What a Python command prints that has to end well."""
    done = run_python(arguments, directory)
    assert done.returncode == 0, f"python {shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def smaller(argv, directory):
    """Arguments of Python for a README command, with options that make it small."""
    (directory / "parity.txt").write_text("The train arrives.\nIn Vienna it was 15 degrees.\n", encoding="utf-8")
    pretrained = "--pretrained" in argv
    extra = {
        "recipes.translation": f"{_FEW_STEPS} --validation-bleu-lines 2 "
        + ("--max-length 40 --num-beams 3" if pretrained else _SMALLER_MODEL),
        "recipes.ner": "--epochs 1",
        "recipes.text_classification": "--epochs 1",
        "recipes.language_modeling": f"{_FEW_STEPS} --vocabulary-size 300 {_SMALLER_DECODER}",
        "recipes.summarization": f"{_FEW_STEPS} --vocabulary-size 400 --size tiny --num-layers 1 "
        "--validation-rouge-texts 2 --schedule cosine",
        "recipes.pretraining": f"{_FEW_STEPS} --vocabulary-size 300 --batch-size 4 --sequence-length 32",
        # Entities are found in one pass, and that export is as quick with all its checks.
        "export": "" if "runs/ner" in argv else _FEWER_CHECKS,
    }
    return [*argv[1:], *extra.get(argv[2], "").split()]


def run_module(argv, directory):
    return run(smaller(argv, directory), directory)


def run_and_read_standard_error(argv, directory):
    """What a command prints in a process that finds nothing set for it, and not a line on standard error."""
    unset = {"TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND", "PYTHONPATH"}
    environment = {**{name: value for name, value in os.environ.items() if name not in unset}, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *smaller(argv, directory)]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    assert done.stderr.splitlines() == [], argv
    return done.stdout


def run_program(number):
    """Runs one of the README's Python programs here, in the working directory, and returns its names."""
    names = {}
    exec(blocks("python")[number], names)
    return names


def write_pairs(directory, names=(("train", 600, 3), ("val", 20, 4))):
    """Pairs in two files each: (name, number, seed)."""
    for name, count, seed in names:
        pairs = sample_pairs(count, seed=seed)
        for side, language in enumerate(("en", "de")):
            (directory / f"{name}.{language}").write_text("".join(pair[side] + "\n" for pair in pairs), "utf-8")


def write_corpus(directory):
    """Text to train on and to hold out, a sentence a line."""
    for name, count, seed in (("corpus.txt", 400, 7), ("heldout.txt", 40, 8)):
        (directory / name).write_text("".join(pair[0] + "\n" for pair in sample_pairs(count, seed=seed)), "utf-8")
