"""A recipe and transformers on PyTorch in turns: the same weights, data and hyper-parameters, a process each."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def parse_arguments(description, runs, argv=None):
    """The options that benchmarks of fine-tuning share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("pretrained", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--runs", type=Path, default=Path(runs))
    parser.add_argument(
        "--contestants", nargs="+", choices=["shared", "transformers", "own"], default=["shared", "transformers"]
    )
    parser.add_argument("--transformers-only", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def run_contest(script, arguments, recipe, shared_options, read_scores):
    """Runs the contestants for each seed, each with all cores to itself, and prints their scores.

    Args:
        script: Path of the benchmark, which with `--transformers-only` fine-tunes with transformers and prints a line
            of JSON: "score", "validation_score" and "seconds_per_epoch".
        arguments: Those of `parse_arguments`.
        recipe: Arguments of Python that run the recipe.
        shared_options: The shared hyper-parameters, a dict from an option's name to its value.
        read_scores: From the recipe's results and the rows of its history to test score and validation score.
    """
    names = {
        "shared": "recipe, shared settings",
        "transformers": "transformers",
        "own": "recipe, its own settings",
    }
    found = {contestant: [] for contestant in arguments.contestants}
    for seed in arguments.seeds:
        for contestant, results in found.items():
            if contestant == "transformers":
                result = _run_transformers(script, arguments.pretrained, seed)
            else:
                options = shared_options if contestant == "shared" else {}
                directory = arguments.runs / f"{contestant}-{seed}"
                result = _run_recipe(recipe, arguments.pretrained, seed, options, directory, read_scores)
            results.append(result)
            print(f"seed {seed}  {names[contestant]:<26} {result}", flush=True)
    print(f"\n{'':<26} {'test':>8} {'spread':>7} {'validation':>11} {'s/epoch':>8}")
    for contestant, results in found.items():
        scores = [100 * each["score"] for each in results]
        spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
        validation = statistics.mean(100 * each["validation_score"] for each in results)
        seconds = statistics.median(each["seconds_per_epoch"] for each in results)
        print(
            f"{names[contestant]:<26} {statistics.mean(scores):8.2f} {spread:7.2f} {validation:11.2f} {seconds:8.1f}",
            flush=True,
        )


def _run_transformers(script, pretrained, seed):
    command = [sys.executable, str(script), str(pretrained), "--seeds", str(seed), "--transformers-only"]
    return json.loads(_output_of(command).splitlines()[-1])


def _run_recipe(recipe, pretrained, seed, options, directory, read_scores):
    command = [sys.executable, *recipe, "--pretrained", str(pretrained), "--seed", str(seed)]
    command += ["--directory", str(directory)]
    command += [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    _output_of(command)
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    history = [json.loads(line) for line in (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    epochs = json.loads((directory / "recipe.json").read_text(encoding="utf-8"))["epochs"]
    score, validation_score = read_scores(results, history)
    return {
        "score": score,
        "validation_score": validation_score,
        "seconds_per_epoch": 60 * (results["training_minutes"] - results["validation_minutes"]) / epochs,
    }


def _output_of(command):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": path}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
