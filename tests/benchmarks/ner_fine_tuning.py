"""Fine-tuning for entities against transformers on PyTorch: the same weights, data and hyper-parameters, in turns.

    python tests/benchmarks/ner_fine_tuning.py PRETRAINED_DIR --seeds 1 2 3 --runs DIRECTORY

For each seed the recipe's command runs in a process of its own, then transformers' model in another, each with all
cores to itself. Printed are strict entity F1 on the test set, counted by the same code on the tokens of the file, and
the seconds of training an epoch, validation not counted. `--recipe-defaults` adds a third contestant: the recipe with
its own settings in place of the shared ones.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"epochs": 5, "batch_size": 16, "learning_rate": 5e-5, "warmup_share": 0.1, "weight_decay": 0.01}
MAX_LENGTH = 128


def read_texts(split):
    """Texts of a split of WNUT-17, and its labels' tags by id."""
    from zoo.data import open_dataset
    from zoo.data.entities import entity_labels
    from zoo.data.label_alignment import TagIds

    splits = open_dataset("wnut17")
    return list(getattr(splits, split)), TagIds(entity_labels(splits.train))


def words_and_tags(text):
    from zoo.data.label_alignment import tags_on_tokens

    return [text.text[start:end] for start, end in text.tokens], tags_on_tokens(text.entities, text.tokens)


def train_with_transformers(arguments):
    """Fine-tunes BertForTokenClassification as the token-classification example of transformers does."""
    import numpy as np
    import torch
    import transformers

    from zoo.metrics import score_tags

    seed = arguments.seeds[0]
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    texts, tag_ids = read_texts("train")
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.pretrained)
    model = transformers.AutoModelForTokenClassification.from_pretrained(
        arguments.pretrained, num_labels=len(tag_ids.tags)
    )

    def encode(text):
        words, tags = words_and_tags(text)
        encoding = tokenizer(words, is_split_into_words=True, truncation=True, max_length=MAX_LENGTH)
        word_ids = encoding.word_ids()
        ids = tag_ids(tags)
        first = [word is not None and word != before for word, before in zip(word_ids, [None, *word_ids], strict=False)]
        labels = [int(ids[word]) if is_first else -100 for word, is_first in zip(word_ids, first, strict=True)]
        return encoding["input_ids"], labels, [word for word, is_first in zip(word_ids, first, strict=True) if is_first]

    def batch(rows):
        width = max(len(ids) for ids, _, _ in rows)
        ids = torch.tensor([ids + [tokenizer.pad_token_id] * (width - len(ids)) for ids, _, _ in rows])
        labels = torch.tensor([labels + [-100] * (width - len(labels)) for _, labels, _ in rows])
        return {"input_ids": ids, "attention_mask": (ids != tokenizer.pad_token_id).long()}, labels

    rows = [encode(text) for text in texts]
    size = SHARED["batch_size"]
    steps = -(-len(rows) // size) * SHARED["epochs"]
    decayed = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": SHARED["weight_decay"]}, {"params": others, "weight_decay": 0.0}],
        lr=SHARED["learning_rate"],
    )
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, int(SHARED["warmup_share"] * steps), steps)
    loss_function = torch.nn.CrossEntropyLoss()
    validation, _ = read_texts("validation")
    best, best_state, seconds = -1.0, None, 0.0

    def evaluate(texts):
        model.eval()
        references, predictions = [], []
        order = sorted(range(len(texts)), key=lambda i: len(texts[i].text))
        with torch.no_grad():
            for start in range(0, len(order), 32):
                part = [texts[i] for i in order[start : start + 32]]
                encoded = [encode(text) for text in part]
                inputs, labels = batch(encoded)
                found = model(**inputs).logits.argmax(-1)
                for text, row, row_labels, (_, _, word_ids) in zip(part, found, labels, encoded, strict=True):
                    _, tags = words_and_tags(text)
                    predicted = ["O"] * len(tags)
                    for word, tag in zip(word_ids, row[row_labels != -100].tolist(), strict=True):
                        predicted[word] = tag_ids.tags[tag]
                    references.append(tags)
                    predictions.append(predicted)
        return score_tags(references, predictions).strict.micro.f1

    for _ in range(SHARED["epochs"]):
        model.train()
        order = list(range(len(rows)))
        random.shuffle(order)
        # Rows of similar length share a batch, as in the recipe.
        pools = [order[start : start + size * 50] for start in range(0, len(order), size * 50)]
        batches = [
            pool[start : start + size]
            for pool in (sorted(pool, key=lambda i: len(rows[i][0])) for pool in pools)
            for start in range(0, len(pool), size)
        ]
        random.shuffle(batches)
        started = time.perf_counter()
        for indices in batches:
            inputs, labels = batch([rows[i] for i in indices])
            logits = model(**inputs).logits
            loss = loss_function(logits.view(-1, logits.shape[-1]), labels.view(-1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        seconds += time.perf_counter() - started
        score = evaluate(validation)
        if score > best:
            best, best_state = score, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(best_state)
    test, _ = read_texts("test")
    print(json.dumps({"f1": evaluate(test), "validation_f1": best, "seconds_per_epoch": seconds / SHARED["epochs"]}))


def run_transformers(arguments, seed):
    command = [sys.executable, __file__, str(arguments.pretrained), "--seeds", str(seed), "--transformers-only"]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_recipe(arguments, seed, options, name):
    directory = arguments.runs / f"{name}-{seed}"
    command = [sys.executable, "-m", "recipes.ner", "--variant", "wnut17", "--pretrained", str(arguments.pretrained)]
    command += ["--seed", str(seed), "--directory", str(directory), *options]
    subprocess.run(command, env=_environment(), capture_output=True, text=True, check=True)
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    history = [json.loads(line) for line in (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    epochs = json.loads((directory / "recipe.json").read_text(encoding="utf-8"))["epochs"]
    return {
        "f1": results["scores"]["strict"]["micro"]["f1"],
        "validation_f1": max(row["val_f1"] for row in history if row["kind"] == "validation"),
        "seconds_per_epoch": 60 * (results["training_minutes"] - results["validation_minutes"]) / epochs,
    }


def _environment():
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": path}


def shared_options():
    """The shared hyper-parameters as options of the recipe."""
    options = {**SHARED, "layer_decay": 1.0, "head_rate_factor": 1.0, "clip_norm": 1.0, "label_smoothing": 0.0}
    options.update(window=MAX_LENGTH, subword_labels="first", class_weights="none", average_checkpoints=1)
    return [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pretrained", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--runs", type=Path, default=Path("runs/ner-fine-tuning"))
    parser.add_argument("--recipe-defaults", action="store_true")
    parser.add_argument("--transformers-only", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.transformers_only:
        train_with_transformers(arguments)
        return
    found = {"recipe, shared settings": [], "transformers": []}
    if arguments.recipe_defaults:
        found["recipe, its own settings"] = []
    for seed in arguments.seeds:
        for name, results in found.items():
            if name == "transformers":
                results.append(run_transformers(arguments, seed))
            else:
                own = name == "recipe, its own settings"
                results.append(run_recipe(arguments, seed, [] if own else shared_options(), "own" if own else "shared"))
            print(f"seed {seed}  {name:<26} {results[-1]}", flush=True)
    print(f"\n{'':<26} {'test F1':>8} {'spread':>7} {'validation F1':>14} {'s/epoch':>8}")
    for name, results in found.items():
        scores = [100 * each["f1"] for each in results]
        spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
        validation = statistics.mean(100 * each["validation_f1"] for each in results)
        seconds = statistics.median(each["seconds_per_epoch"] for each in results)
        print(f"{name:<26} {statistics.mean(scores):8.2f} {spread:7.2f} {validation:14.2f} {seconds:8.1f}")


if __name__ == "__main__":
    main()
