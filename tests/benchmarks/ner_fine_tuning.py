"""Fine-tuning for entities against transformers on PyTorch: the same weights, data and hyper-parameters, in turns.

    python tests/benchmarks/ner_fine_tuning.py PRETRAINED_DIR --seeds 1 2 3 --runs DIRECTORY

For each seed the recipe's command runs in a process of its own, then transformers' model in another, each with all
cores to itself. Printed are strict entity F1 on the test set, counted by the same code on the tokens of the file, and
the seconds of training an epoch, validation not counted. `--contestants shared transformers own` adds the recipe with
its own settings in place of the shared ones.
"""

from pathlib import Path

from fine_tuning_contest import parse_arguments, run_contest

SHARED = {"epochs": 5, "batch_size": 16, "learning_rate": 5e-5, "warmup_share": 0.1, "weight_decay": 0.01}
MAX_LENGTH = 128


def read_texts(split):
    """Texts of a split of WNUT-17, and its labels' tags by id."""
    from zoo.data import open_dataset
    from zoo.data.batches.label_alignment import TagIds
    from zoo.data.readers.entities import entity_labels

    splits = open_dataset("wnut17")
    return list(getattr(splits, split)), TagIds(entity_labels(splits.train))


def words_and_tags(text):
    from zoo.data.batches.label_alignment import tags_on_tokens

    return [text.text[start:end] for start, end in text.tokens], tags_on_tokens(text.entities, text.tokens)


def train_with_transformers(arguments):
    """Fine-tunes BertForTokenClassification as the token-classification example of transformers does."""
    import torch
    import transformers
    from torch_fine_tuning import fine_tune, padded, print_result, seed_everything

    from zoo.metrics import score_tags

    seed_everything(arguments.seeds[0])
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

    def logits_and_labels(rows):
        ids = padded([row_ids for row_ids, _, _ in rows], tokenizer.pad_token_id)
        labels = padded([row_labels for _, row_labels, _ in rows], -100)
        return model(input_ids=ids, attention_mask=(ids != tokenizer.pad_token_id).long()).logits, labels

    rows = [encode(text) for text in texts]

    def loss_of(batch):
        logits, labels = logits_and_labels([rows[row] for row in batch])
        return torch.nn.functional.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1))

    def evaluate(texts):
        references, predictions = [], []
        order = sorted(range(len(texts)), key=lambda i: len(texts[i].text))
        with torch.no_grad():
            for start in range(0, len(order), 32):
                part = [texts[i] for i in order[start : start + 32]]
                encoded = [encode(text) for text in part]
                logits, labels = logits_and_labels(encoded)
                found = logits.argmax(-1)
                for text, row, row_labels, (_, _, word_ids) in zip(part, found, labels, encoded, strict=True):
                    _, tags = words_and_tags(text)
                    predicted = ["O"] * len(tags)
                    for word, tag in zip(word_ids, row[row_labels != -100].tolist(), strict=True):
                        predicted[word] = tag_ids.tags[tag]
                    references.append(tags)
                    predictions.append(predicted)
        return score_tags(references, predictions).strict.micro.f1

    validation, _ = read_texts("validation")
    lengths = [len(ids) for ids, _, _ in rows]
    best, seconds = fine_tune(model, lengths, loss_of, lambda: evaluate(validation), SHARED)
    test, _ = read_texts("test")
    print_result(evaluate(test), best, seconds)


def shared_options():
    """The shared hyper-parameters as options of the recipe."""
    options = {**SHARED, "layer_decay": 1.0, "head_rate_factor": 1.0, "clip_norm": 1.0, "label_smoothing": 0.0}
    options.update(window=MAX_LENGTH, subword_labels="token", class_weights="none")
    options.update(average_checkpoints=1, precision="float32")
    return options


def read_scores(results, history):
    """Test and validation F1 of a run of the recipe."""
    best = max(row["val_f1"] for row in history if row["kind"] == "validation")
    return results["scores"]["strict"]["micro"]["f1"], best


def main():
    arguments = parse_arguments(__doc__.splitlines()[0], "runs/ner-fine-tuning")
    if arguments.transformers_only:
        train_with_transformers(arguments)
        return
    recipe = ["-m", "recipes.ner", "--variant", "wnut17"]
    run_contest(Path(__file__), arguments, recipe, shared_options(), read_scores)


if __name__ == "__main__":
    main()
