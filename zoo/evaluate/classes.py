"""Accuracy and the F1 of each label of a text classifier, and how far its probabilities can be believed."""

import numpy as np

from zoo.data.readers.class_labels import check_class_labels
from zoo.evaluate.evaluation import Evaluation
from zoo.metrics import calibration_bins, score_classes
from zoo.metrics.calibration import softmax


def probabilities(logits, settings):
    """Probabilities [N, C] of logits, as a classifier of these `ClassificationSettings` gives them."""
    scaled = logits / settings.temperature
    # The sigmoid, written so that nothing overflows.
    return 0.5 * (1.0 + np.tanh(0.5 * scaled)) if settings.multi_label else softmax(scaled)


def decisions(logits, settings):
    """The decision on each row of logits: class ids [N], or bool [N, C] for multi-label settings."""
    if not settings.multi_label:
        return logits.argmax(axis=1)
    return probabilities(logits, settings) >= settings.threshold


def true_classes(texts, labels, multi_label):
    """What texts are labelled with: class ids [N], or bool [N, C] where they may have any number of labels.

    Args:
        texts: list of `zoo.data.readers.classified_text.ClassifiedText`, whose labels are among `labels`.
        labels: The classifier's labels.
        multi_label: Whether texts may have any number of them.
    """
    index = {label: number for number, label in enumerate(labels)}
    if not multi_label:
        return np.array([index[text.labels[0]] for text in texts], np.int64)
    found = np.zeros((len(texts), len(labels)), bool)
    for row, text in enumerate(texts):
        found[row, [index[label] for label in text.labels]] = True
    return found


def evaluate_classes(task, config):
    """Classifies the texts of a file and scores the labels.

    Args:
        task: `zoo.tasks.TextClassifier` or `PairClassifier`.
        config: An `EvaluateConfig`.
    """
    text_pair = config.text_pair_column if len(task.inputs) > 1 else None
    texts = list(config.open_classes(config.test_file, text_pair=text_pair))
    settings = task.settings
    check_class_labels(texts, task.labels, settings.multi_label)
    truth = true_classes(texts, task.labels, settings.multi_label)
    columns = [[getattr(text, name) for text in texts] for name in task.inputs]
    logits = task.logits(*columns, batch_size=config.batch_size, progress=True)
    report = score_classes(truth, decisions(logits, settings), task.labels)
    error = calibration_bins(probabilities(logits, settings), truth).expected_error
    title = f"{config.test_file}: {len(texts):,} texts, accuracy {100 * report.accuracy:.2f}%"
    confused = [f"  {count} of {right} taken for {wrong}" for right, wrong, count in report.most_confused(5)]
    shown = [report.table(title=title), *confused, f"expected calibration error: {100 * error:.1f}%"]
    scores = {"texts": len(texts), "scores": report.to_dict(), "expected_calibration_error": error}
    return Evaluation(scores, shown)
