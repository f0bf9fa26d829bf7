"""Precision, recall and F1 of an entity recognizer."""

from zoo.data.batches.label_alignment import tags_on_tokens
from zoo.data.readers.entities import Entity, check_entity_labels
from zoo.evaluate.evaluation import Evaluation
from zoo.metrics import score_entities, score_tags


def score_recognizer(recognizer, texts, *, batch_size=32, progress=False):
    """`EntityReport` of a recognizer on texts with entities, counted on the tokens of the file where it has them.

    Args:
        recognizer: `zoo.tasks.EntityRecognizer`.
        texts: list of `zoo.data.readers.entities.EntityText`.
        batch_size, progress: As in a call of the recognizer.
    """
    answers = recognizer([text.text for text in texts], batch_size=batch_size, progress=progress)
    found = [[Entity(each["start"], each["end"], each["label"]) for each in answer] for answer in answers]
    if any(text.tokens is None for text in texts):
        return score_entities([text.entities for text in texts], found)
    references = [tags_on_tokens(text.entities, text.tokens) for text in texts]
    predictions = [tags_on_tokens(entities, text.tokens) for text, entities in zip(texts, found, strict=True)]
    return score_tags(references, predictions)


def evaluate_entities(task, config):
    """Finds the entities of a file's texts and scores them.

    Args:
        task: `zoo.tasks.EntityRecognizer`.
        config: An `EvaluateConfig`.
    """
    source = config.open_entities(config.test_file)
    texts = list(source)
    check_entity_labels(texts, task.labels)
    report = score_recognizer(task, texts, batch_size=config.batch_size, progress=True)
    shown = [*filter(None, [source.reading]), report.table(title=f"{config.test_file}: {len(texts):,} texts")]
    return Evaluation({"texts": len(texts), "scores": report.to_dict()}, shown)
