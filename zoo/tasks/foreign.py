"""Tasks of models from other programs."""

from zoo.checkpoints.hugging_face import load_hugging_face, load_tokenizer
from zoo.errors import UserError
from zoo.tasks.entity_recognizer import EntityRecognizer, EntitySettings
from zoo.tasks.masked_language_model import MaskedLanguageModel
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier


def task_from_hugging_face(directory, dtype=None):
    """The task that a Hugging Face directory's architecture names.

    Token classifiers become an `EntityRecognizer`, sequence classifiers a `TextClassifier` and masked language models a
    `MaskedLanguageModel`.

    Args:
        directory: A directory with config.json, safetensors files and a tokenizer.
        dtype: A Keras dtype policy for the model; the global one if None.

    Raises:
        UserError: for anything missing, damaged or not supported, by name.
    """
    found = load_hugging_face(directory, dtype=dtype)
    if found.kind == "token_classifier":
        return EntityRecognizer(
            found.model, load_tokenizer(directory), found.labels, EntitySettings(scheme=tag_scheme(found.labels))
        )
    if found.kind == "sequence_classifier":
        if found.problem_type == "regression" or len(found.labels) == 1:
            raise UserError(f"{directory} holds a regression model, which is not supported; classifiers are")
        settings = ClassificationSettings(multi_label=found.problem_type == "multi_label_classification")
        return TextClassifier(found.model, load_tokenizer(directory), found.labels, settings)
    if found.kind in ("masked_token_predictor", "pretraining"):
        return MaskedLanguageModel(found.model, load_tokenizer(directory, special_tokens_in_text=("[MASK]",)))
    raise UserError(
        f"{directory} holds a bare encoder, which has no answers to give: fine-tune it, for example with "
        f"python -m recipes.ner --pretrained {directory}"
    )


def tag_scheme(tags):
    """The scheme that a list of tags is of: "BIOES" if any tag ends an entity, "BIO" if each label can begin one.

    A list with an I- tag but no B- tag of some label is "IOB1".
    """
    prefixes = {}
    for tag in tags:
        prefix, _, label = tag.partition("-")
        prefixes.setdefault(label, set()).add(prefix)
    prefixes.pop("", None)
    if any(found & set("ESLU") for found in prefixes.values()):
        return "BIOES"
    return "IOB1" if any("I" in found and "B" not in found for found in prefixes.values()) else "BIO"
