"""A stored model becomes a preset, or a directory of another program."""

import tempfile
from dataclasses import replace
from pathlib import Path

from zoo.checkpoints import checkpoint_format, load_foreign, load_foreign_tokenizer, save_hugging_face
from zoo.checkpoints.foreign_model import LANGUAGE_MODEL, SEQUENCE_TO_SEQUENCE
from zoo.checkpoints.gguf_files import is_gguf
from zoo.checkpoints.hugging_face import (
    DirectoryFiles,
    family_name,
    generation_file,
    sampling_file,
    sequence_to_sequence_tokenizer_files,
    tokenizer_files,
    with_text_length,
)
from zoo.checkpoints.hugging_face.chat_template import TEMPLATE_FILE
from zoo.checkpoints.hugging_face.cross_encoder import cross_encoder_configuration
from zoo.checkpoints.hugging_face.pair_template import template_of
from zoo.checkpoints.hugging_face.sentence_transformers_writing import save_sentence_transformer
from zoo.checkpoints.keras_hub import holds_sequence_to_sequence, save_keras_hub
from zoo.errors import UserError
from zoo.tasks import (
    EntityRecognizer,
    MaskedLanguageModel,
    QuestionAnswerer,
    TextClassifier,
    TextEmbedder,
    TextGenerator,
    TextRegressor,
    is_embedder,
    load,
)
from zoo.tasks.foreign import SEQUENCE_TO_SEQUENCE_TASKS, task_from_hugging_face
from zoo.tasks.foreign_pairs import PAIR_TASKS
from zoo.tasks.gguf import task_from_gguf
from zoo.tasks.keras_hub import save_keras_hub_task, task_from_keras_hub
from zoo.tasks.pair_task import PairTask
from zoo.tasks.search_settings import flat_settings
from zoo.tokenizers import BytePairTokenizer, WordPieceTokenizer

# Added tokens that a message lists.
_LISTED = 8
# Tasks that transformers has models for.
_WRITTEN = (EntityRecognizer, MaskedLanguageModel, QuestionAnswerer, TextClassifier, TextGenerator, TextRegressor)


def convert(
    source,
    target,
    to="preset",
    task=None,
    source_language=None,
    target_language=None,
    source_prefix=None,
    special_tokens_in_text=False,
    approximate_gelu=False,
):
    """Reads a stored model and writes it in another format.

    Args:
        source, target, to, task, source_language, target_language, source_prefix, special_tokens_in_text,
            approximate_gelu: As in `ConvertConfig`.

    Returns:
        One line on what was written.

    Raises:
        UserError: for a source that cannot be read, a target that cannot be written, and a model that the other format
            does not have.
    """
    source, target = Path(source), Path(target)
    if target.exists() and source.resolve() == target.resolve():
        raise UserError(f"{target} is the source itself; give another directory")
    files = DirectoryFiles(source)
    found = "gguf" if is_gguf(source) else checkpoint_format(files)
    choices = dict(
        task=task,
        source_language=source_language,
        target_language=target_language,
        source_prefix=source_prefix,
        special_tokens_in_text=special_tokens_in_text or None,
    )
    for name, value in choices.items():
        possible = {"keras_hub": ("task",), "gguf": ("special_tokens_in_text",)}.get(found, ())
        if value is not None and (to != "preset" or not (found == "hugging_face" or name in possible)):
            flag = name.replace("_", "-")
            raise UserError(f"--{flag} is for presets of Hugging Face directories with safetensors")
    if approximate_gelu and to != "keras-hub":
        raise UserError("--approximate-gelu is for --to keras-hub")
    if found == "gguf":
        if to != "preset":
            raise UserError(f"{source} is a GGUF file: make a preset of it, and write that with --to {to}")
        return _save_task(task_from_gguf(source, special_tokens_in_text=special_tokens_in_text), target)
    if to == "keras-hub":
        return _to_keras_hub(source, target, found, approximate_gelu)
    if to == "hugging-face":
        of_task = found == "preset" or (found == "keras_hub" and holds_sequence_to_sequence(source))
        of_task = of_task or is_embedder(source)
        return _task_to_hugging_face(source, target) if of_task else _to_hugging_face(source, target)
    if found == "preset":
        raise UserError(f"{source} is a preset already; use --to hugging-face or --to keras-hub for the other way")
    if found == "hugging_face":
        choices["special_tokens_in_text"] = special_tokens_in_text
        return _save_task(task_from_hugging_face(files, **choices), target)
    if found == "keras_hub":
        return _save_task(task_from_keras_hub(source, task=task), target)
    # Every other format goes through a Hugging Face directory, so that tasks are made of one format alone.
    with tempfile.TemporaryDirectory() as between:
        foreign = _to_hugging_face(source, Path(between) / source.name, task=True)
        return _save_task(task_from_hugging_face(foreign), target)


def _save_task(task, target):
    task.save(target)
    return f"{target}: a preset of {type(task).__name__}{_about_tokens(task.tokenizer)}"


def _about_tokens(tokenizer):
    """What is read from texts as single tokens, where there is anything to say."""
    beyond = [token for token in tokenizer.added_tokens if token.id >= tokenizer.own_vocabulary_size]
    added = [token.content for token in beyond if not token.control]
    notes = []
    if added:
        listed = ", ".join(added[:_LISTED]) + (f" and {len(added) - _LISTED} more" if len(added) > _LISTED else "")
        notes.append(f"\nAdded tokens, each one token wherever a text holds it: {listed}")
        unread = [token for token in tokenizer.control_tokens if token not in tokenizer.special_tokens_in_text]
        if unread:
            notes.append(f"\nControl tokens that stay text without --special-tokens-in-text: {', '.join(unread)}")
    return "".join(notes)


def _to_keras_hub(source, target, found, approximate_gelu):
    if found == "keras_hub":
        raise UserError(f"{source} is a preset of KerasHub already")
    if found not in ("preset", "hugging_face"):
        with tempfile.TemporaryDirectory() as between:
            foreign = Path(between) / source.name
            _to_hugging_face(source, foreign)
            return _to_keras_hub(foreign, target, "hugging_face", approximate_gelu)
    foreign = load_foreign(source) if found == "hugging_face" else None
    if foreign is not None and foreign.kind == "encoder":
        name, tokenizer = "an encoder", load_foreign_tokenizer(source)
        notes = save_keras_hub(foreign.model, tokenizer, target, approximate_gelu=approximate_gelu)
    else:
        del foreign
        task = load(source)
        name = type(task).__name__
        try:
            notes = save_keras_hub_task(task, target, approximate_gelu)
        except UserError as error:
            raise UserError(f"{source} holds a {name}, which cannot be written there: {error}") from error
    return f"{target}: a KerasHub preset of {name}, {', '.join(notes)}"


def _to_hugging_face(source, target, task=False):
    foreign = load_foreign(source)
    if foreign.kind == SEQUENCE_TO_SEQUENCE:
        raise UserError(
            f"{source} is a Hugging Face directory of an encoder-decoder already; make a preset of it, and write that "
            "with --to hugging-face"
        )
    if task and foreign.kind == "encoder":
        raise UserError(
            f"{source} holds a bare encoder, which has no answers to give: write it with --to hugging-face and "
            "fine-tune it, for example with python -m recipes.ner --pretrained DIRECTORY"
        )
    tokenizer = load_foreign_tokenizer(source)
    save_hugging_face(
        foreign.model,
        target,
        labels=foreign.labels,
        problem_type=foreign.problem_type,
        pad_token_id=tokenizer.pad_id,
        end_token_id=tokenizer.eos_id,
        assets=tokenizer_files(tokenizer, "none" if foreign.kind == LANGUAGE_MODEL else "both"),
    )
    return target if task else f"{target}: a Hugging Face directory of a {foreign.kind.replace('_', ' ')}"


def _task_to_hugging_face(source, target):
    task = load(source)
    if type(task) in SEQUENCE_TO_SEQUENCE_TASKS.values():
        try:
            return _sequence_to_sequence_to_hugging_face(task, target)
        except UserError as error:
            name = type(task).__name__
            raise UserError(f"{source} holds a {name}, which cannot be written there: {error}") from error
    if isinstance(task, TextEmbedder):
        return _embedder_to_hugging_face(task, target)
    labels, problem_type, lost = None, None, ""
    if isinstance(task, EntityRecognizer):
        labels = task.rules.tags
    elif isinstance(task, TextClassifier):
        labels = task.labels
        problem_type = f"{'multi' if task.settings.multi_label else 'single'}_label_classification"
        if task.settings.temperature != 1.0:
            lost = f", without its temperature {task.settings.temperature:g}"
    elif isinstance(task, TextRegressor):
        labels, problem_type = task.labels, None if task.settings.sigmoid else "regression"
    if not isinstance(task, _WRITTEN) or not isinstance(task.tokenizer, (WordPieceTokenizer, BytePairTokenizer)):
        raise UserError(f"{source} holds a {type(task).__name__}, which cannot be written as a Hugging Face directory")
    around, assets = "both", {}
    if isinstance(task, TextGenerator):
        sampling = replace(task.settings, temperature=task.settings.temperature)
        around = "begin" if task.settings.begin_token else "none"
        content = sampling_file(flat_settings(sampling), task.tokenizer.eos_id)
        assets["generation_config.json"] = lambda path: path.write_bytes(content)
        if task.chat_template is not None:
            assets[TEMPLATE_FILE] = lambda path: path.write_text(task.chat_template, encoding="utf-8")
        lost = f", without its stop strings {list(task.settings.stop)}" if task.settings.stop else ""
    tokenizer = tokenizer_files(task.tokenizer, around)
    if not isinstance(task, TextGenerator):
        tokenizer = with_text_length(tokenizer, task.max_source_length)
    configuration = {}
    if isinstance(task, PairTask):
        _check_template(source, task)
    if isinstance(task, tuple(PAIR_TASKS.values())):
        sigmoid = task.settings.sigmoid if isinstance(task, TextRegressor) else task.settings.multi_label
        configuration = cross_encoder_configuration(sigmoid)
        truncation = task.settings.truncation
        lost += "" if truncation == "longest_first" else f", without its truncation {truncation}"
    save_hugging_face(
        task.model,
        target,
        labels=labels,
        problem_type=problem_type,
        pad_token_id=task.tokenizer.pad_id,
        end_token_id=task.tokenizer.eos_id,
        assets={**tokenizer, **assets},
        configuration=configuration,
    )
    return f"{target}: a Hugging Face directory of {type(task).__name__}{lost}"


def _embedder_to_hugging_face(task, target):
    settings = task.settings
    names = ("prompts", "default_prompt", "similarity", "truncate_dim")
    save_sentence_transformer(
        task.model,
        target,
        settings={name: getattr(settings, name) for name in names},
        max_length=task.max_source_length,
        pad_token_id=task.tokenizer.pad_id,
        assets=with_text_length(tokenizer_files(task.tokenizer, "both"), task.max_source_length),
    )
    lost = [f"its precision {settings.precision}"] if settings.precision != "float32" else []
    lost += ["the ranges of its entries"] if settings.ranges is not None else []
    without = f", without {' and '.join(lost)}, which quantize_embeddings is given there" if lost else ""
    return f"{target}: a directory of sentence-transformers{without}"


def _check_template(source, task):
    """Refuses a task that joins two texts in another way than the tokenizer that is written for transformers."""
    for name, value in template_of(task.tokenizer)._asdict().items():
        found = getattr(task.settings, name)
        matters = name != "second_segment" or task.model.encoder.num_segments > 1
        if found != value and matters:
            raise UserError(
                f"{source} holds a {type(task).__name__} with {name} {found}; the tokenizer that transformers would "
                f"read has {value}"
            )


def _sequence_to_sequence_to_hugging_face(task, target):
    model, settings, tokenizer = task.model, task.settings, task.target_tokenizer
    flat = flat_settings(replace(settings, num_beams=settings.num_beams))
    files = sequence_to_sequence_tokenizer_files(family_name(model), task.tokenizer, tokenizer, flat)
    special = dict(
        start_token_id=tokenizer.bos_id if settings.start_token_id is None else settings.start_token_id,
        pad_token_id=tokenizer.pad_id,
        end_token_id=tokenizer.eos_id,
        begin_token_id=tokenizer.bos_id,
    )
    content = generation_file(flat, **special)
    assets = {**files, "generation_config.json": lambda path: path.write_bytes(content)}
    save_hugging_face(model, target, **special, assets=assets)
    lost = []
    if settings.max_tokens_factor:
        lost.append("without its limit of answers after the length of the text")
    if model.get_config().get("positions") == "sinusoidal":
        lost.append("with its own table of positions, which transformers leaves out where it saves the model again")
    return ", ".join([f"{target}: a Hugging Face directory of {type(task).__name__}", *lost])
