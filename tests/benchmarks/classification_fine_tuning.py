"""Fine-tuning for classes against transformers on PyTorch: the same weights, data and hyper-parameters, in turns.

    python tests/benchmarks/classification_fine_tuning.py PRETRAINED_DIR --seeds 1 2 3 --runs DIRECTORY

For each seed the recipe's command runs in a process of its own, then transformers' model in another, each with all
cores to itself. Printed are the accuracy on BANKING77's test set and the seconds of training an epoch, validation not
counted. `--contestants shared transformers own` adds the recipe with its own settings in place of the shared ones.
"""

from pathlib import Path

from fine_tuning_contest import parse_arguments, run_contest

SHARED = {"epochs": 10, "batch_size": 32, "learning_rate": 1e-4, "warmup_share": 0.1, "weight_decay": 0.01}
MAX_LENGTH = 64


def train_with_transformers(arguments):
    """Fine-tunes AutoModelForSequenceClassification, whose head reads the pooler."""
    import torch
    import transformers
    from torch_fine_tuning import fine_tune, padded, print_result, seed_everything

    from zoo.data import open_dataset
    from zoo.data.datasets.held_out import hold_out
    from zoo.data.readers.class_labels import class_labels

    seed_everything(arguments.seeds[0])
    splits = open_dataset("banking77")
    labels, _ = class_labels(splits.train)
    index = {label: number for number, label in enumerate(labels)}
    train, validation = hold_out(splits.train)
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.pretrained)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        arguments.pretrained, num_labels=len(labels)
    )

    def encoded(texts):
        rows = tokenizer([text.text for text in texts], truncation=True, max_length=MAX_LENGTH)["input_ids"]
        return rows, torch.tensor([index[text.labels[0]] for text in texts])

    def logits_of(rows):
        ids = padded(rows, tokenizer.pad_token_id)
        return model(input_ids=ids, attention_mask=(ids != tokenizer.pad_token_id).long()).logits

    def accuracy(rows, truth):
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        right = 0
        with torch.no_grad():
            for start in range(0, len(order), 64):
                part = order[start : start + 64]
                right += int((logits_of([rows[row] for row in part]).argmax(-1) == truth[part]).sum())
        return right / len(rows)

    rows, truth = encoded(train)
    validation_rows = encoded(validation)

    def loss_of(batch):
        return torch.nn.functional.cross_entropy(logits_of([rows[row] for row in batch]), truth[batch])

    best, seconds = fine_tune(model, [len(row) for row in rows], loss_of, lambda: accuracy(*validation_rows), SHARED)
    print_result(accuracy(*encoded(list(splits.test))), best, seconds)


def shared_options():
    """The shared hyper-parameters as options of the recipe."""
    options = {**SHARED, "layer_decay": 1.0, "head_rate_factor": 1.0, "clip_norm": 1.0, "label_smoothing": 0.0}
    options.update(max_source_length=MAX_LENGTH, pooling="pooler", average_checkpoints=1, precision="float32")
    return options


def read_scores(results, history):
    """Test and validation accuracy of a run of the recipe."""
    best = max(row["val_exact"] for row in history if row["kind"] == "validation")
    return results["scores"]["accuracy"], best


def main():
    arguments = parse_arguments(__doc__.splitlines()[0], "runs/classification-fine-tuning")
    if arguments.transformers_only:
        train_with_transformers(arguments)
        return
    recipe = ["-m", "recipes.text_classification", "--variant", "banking77"]
    run_contest(Path(__file__), arguments, recipe, shared_options(), read_scores)


if __name__ == "__main__":
    main()
