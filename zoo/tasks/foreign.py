"""Tasks of models from other programs."""

from zoo.checkpoints.hugging_face import load_hugging_face, load_sequence_to_sequence_tokenizers, load_tokenizer
from zoo.checkpoints.sequence_to_sequence_families import SEQUENCE_TO_SEQUENCE
from zoo.errors import UserError
from zoo.tasks.entity_recognizer import EntityRecognizer, EntitySettings
from zoo.tasks.masked_language_model import MaskedLanguageModel
from zoo.tasks.summarizer import Summarizer
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier
from zoo.tasks.translator import Translator

SEQUENCE_TO_SEQUENCE_TASKS = {"translation": Translator, "summarization": Summarizer}
"""Tasks that a model of Marian's or BART's kind can be for, by name."""

_TASK_OF_FAMILY = {"marian": "translation", "mbart": "translation", "bart": "summarization", "pegasus": "summarization"}


def task_from_hugging_face(directory, dtype=None, task=None):
    """The task that a Hugging Face directory's architecture names.

    Token classifiers become an `EntityRecognizer`, sequence classifiers a `TextClassifier` and masked language models a
    `MaskedLanguageModel`. A Marian or mBART becomes a `Translator`, a BART or PEGASUS a `Summarizer`, which decode as
    the checkpoint's generation_config.json says.

    Args:
        directory: A directory with config.json, safetensors files and a tokenizer.
        dtype: A Keras dtype policy for the model; the global one if None.
        task: One of `SEQUENCE_TO_SEQUENCE_TASKS`, for a BART that translates; what the family is mostly for if None.

    Raises:
        UserError: for anything missing, damaged or not supported, by name.
    """
    if task not in (None, *SEQUENCE_TO_SEQUENCE_TASKS):
        raise UserError(f"task must be one of {', '.join(SEQUENCE_TO_SEQUENCE_TASKS)}, got {task!r}")
    found = load_hugging_face(directory, dtype=dtype)
    if found.kind == SEQUENCE_TO_SEQUENCE:
        return _sequence_to_sequence_task(found, task or _TASK_OF_FAMILY[found.family])
    if task is not None:
        raise UserError(f"{directory} holds a model of kind {found.kind!r}, which cannot be made for {task}")
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


def _sequence_to_sequence_task(found, name):
    model = found.model
    cls = SEQUENCE_TO_SEQUENCE_TASKS[name]
    tokenizers = load_sequence_to_sequence_tokenizers(found.directory, found.family, model.target_vocabulary_size)
    generation = dict(found.generation)
    nameless = range(tokenizers.target.vocabulary_size, model.target_vocabulary_size)
    generation["suppressed_token_ids"] = tuple(sorted({*generation["suppressed_token_ids"], *nameless}))
    settings = cls.settings_class(
        **generation,
        # The model's longest sequence, so that only max_new_tokens counts.
        max_tokens_offset=model.max_sequence_length,
        max_source_length=min(tokenizers.max_source_length or model.max_sequence_length, model.max_sequence_length),
        source_prefix_ids=tokenizers.source_prefix_ids,
        source_suffix_ids=tokenizers.source_suffix_ids,
    )
    return cls(model, tokenizers.source, tokenizers.target, settings)


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
