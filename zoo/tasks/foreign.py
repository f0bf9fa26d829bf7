"""Tasks of models from other programs."""

from zoo.checkpoints.foreign_model import LANGUAGE_MODEL, SEQUENCE_TO_SEQUENCE
from zoo.checkpoints.hugging_face import (
    DirectoryFiles,
    is_byte_pair,
    load_hugging_face,
    load_sequence_to_sequence_tokenizers,
    load_tokenizer,
    max_text_length,
    read_byte_pair,
    read_sampling,
)
from zoo.checkpoints.hugging_face.chat_template import read_chat_template
from zoo.checkpoints.hugging_face.cross_encoder import is_cross_encoder
from zoo.checkpoints.hugging_face.language_model_tokenizer import read_language_model_tokenizer
from zoo.checkpoints.hugging_face.sentence_transformers import MODULES_FILE, load_sentence_transformer
from zoo.errors import UserError
from zoo.generation.tag_decoding import SIMPLE, TagRules
from zoo.tasks.encoder_task import SPECIAL_TOKENS
from zoo.tasks.entity_recognizer import EntityRecognizer, EntitySettings
from zoo.tasks.foreign_pairs import PAIR_TASKS, make_pair_task, make_question_answerer, pair_task_of
from zoo.tasks.generation_settings import GenerationSettings
from zoo.tasks.masked_language_model import FillSettings, MaskedLanguageModel
from zoo.tasks.summarizer import Summarizer
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier
from zoo.tasks.text_embedder import EmbeddingSettings, TextEmbedder
from zoo.tasks.text_generator import TextGenerator
from zoo.tasks.text_regressor import RegressionSettings, TextRegressor
from zoo.tasks.translator import Translator

SEQUENCE_TO_SEQUENCE_TASKS = {"translation": Translator, "summarization": Summarizer}
"""Tasks that a model of Marian's or BART's kind can be for, by name."""

SEQUENCE_TASKS = ("text_classification", *PAIR_TASKS)
"""Names of what a sequence classifier can be for."""


def task_from_hugging_face(
    directory,
    dtype=None,
    task=None,
    source_language=None,
    target_language=None,
    source_prefix=None,
    special_tokens_in_text: bool | None = False,
):
    """The task that a Hugging Face directory's architecture names.

    Token classifiers become an `EntityRecognizer`, sequence classifiers a `TextClassifier`, or a `TextRegressor` if
    they have one output or are for regression; those that `pair_task_of` finds to be for two texts become a
    `PairClassifier` or a `PairScorer`, and models for questions a `QuestionAnswerer`. Masked language models become a
    `MaskedLanguageModel`. A Marian or mBART becomes a `Translator`, a BART, PEGASUS or T5 a `Summarizer` and a GPT-2 a
    `TextGenerator`, which decode as the checkpoint's generation_config.json says.

    Args:
        directory: A directory with config.json, safetensors files and a tokenizer.
        dtype: A Keras dtype policy for the model; the global one if None.
        task: One of `SEQUENCE_TO_SEQUENCE_TASKS`, for a BART that translates, or of `SEQUENCE_TASKS`, for a classifier
            of pairs; what the files say or the family is mostly for if None.
        source_language: Of a multilingual mBART, such as "en_XX"; what its files say, or else English, if None.
        target_language: Likewise, such as "ro_RO"; or such as "fra" of a Marian whose texts begin with `>>fra<<`.
        source_prefix: Text before every source of an encoder-decoder, such as "summarize: " for T5; none if None.
        special_tokens_in_text: As in `zoo.load`.

    Raises:
        UserError: for anything missing, damaged or not supported, by name.
    """
    known = (*SEQUENCE_TO_SEQUENCE_TASKS, *SEQUENCE_TASKS)
    if task not in (None, *known):
        raise UserError(f"task must be one of {', '.join(known)}, got {task!r}")
    files = DirectoryFiles.of(directory)
    if files.holds(MODULES_FILE) and not is_cross_encoder(files):
        if (task, source_language, target_language, source_prefix) != (None, None, None, None):
            raise UserError(f"{directory} holds a sentence encoder, which has no task, languages or prefix to choose")
        return _text_embedder(files, dtype, special_tokens_in_text)
    found = load_hugging_face(files, dtype=dtype)
    if found.kind == SEQUENCE_TO_SEQUENCE and task not in SEQUENCE_TASKS:
        name = task or found.task
        languages = (source_language, target_language)
        return _sequence_to_sequence_task(files, found, name, *languages, source_prefix or "", special_tokens_in_text)
    if (source_language, target_language, source_prefix) != (None, None, None):
        raise UserError(f"{directory} holds a model of kind {found.kind!r}, which has no languages or prefix to choose")
    if task is None and found.kind == LANGUAGE_MODEL:
        return _text_generator(files, found, special_tokens_in_text)
    if task is not None and (task not in SEQUENCE_TASKS or found.kind != "sequence_classifier"):
        raise UserError(f"{directory} holds a model of kind {found.kind!r}, which cannot be made for {task}")
    if found.kind in (
        "token_classifier",
        "sequence_classifier",
        "span_predictor",
        "masked_token_predictor",
        "pretraining",
    ):
        return _encoder_task(files, found, special_tokens_in_text, task)
    raise UserError(
        f"{directory} holds a bare encoder, which has no answers to give: fine-tune it, for example with "
        f"python -m recipes.ner --pretrained {directory}"
    )


def _text_embedder(files, dtype, special_tokens_in_text):
    found = load_sentence_transformer(files, dtype)
    tokenizer = _encoder_tokenizer(found.directory)
    if special_tokens_in_text:
        tokenizer = tokenizer.reading_from_text(tokenizer.control_tokens)
    longest = found.max_length or max_text_length(found.directory) or found.model.max_sequence_length
    try:
        settings = EmbeddingSettings(**found.settings, max_source_length=min(longest, found.model.max_sequence_length))
    except UserError as error:
        raise UserError(f"{files}: {error}") from error
    return TextEmbedder(found.model, tokenizer, settings)


def _encoder_task(files, found, special_tokens_in_text, task):
    model = found.model
    tokenizer, trims_offsets = _tokenizer_and_trimming(files)
    if special_tokens_in_text:
        tokenizer = tokenizer.reading_from_text(tokenizer.control_tokens)
    if found.kind == "sequence_classifier":
        task = task or pair_task_of(files)
        if task in PAIR_TASKS:
            return make_pair_task(files, found, tokenizer, task)
    if found.kind == "span_predictor":
        return make_question_answerer(files, found, tokenizer, trims_offsets)
    longest = min(max_text_length(files) or model.max_sequence_length, model.max_sequence_length)
    if longest <= SPECIAL_TOKENS:
        raise UserError(f"{files}: model_max_length {longest} leaves no room for a text; {SPECIAL_TOKENS + 1} does")
    if found.kind == "token_classifier":
        # Texts that transformers reads whole are one window.
        overlap = min(EntitySettings().overlap, (longest - SPECIAL_TOKENS) // 4)
        scheme = tag_scheme(found.labels)
        word_scores = "token" if scheme == SIMPLE else "mean"
        settings = EntitySettings(longest, overlap, scheme, word_scores, trim_blanks=trims_offsets)
        return EntityRecognizer(model, tokenizer, found.labels, settings)
    if found.kind == "sequence_classifier":
        if found.problem_type == "regression" or (found.problem_type is None and len(found.labels) == 1):
            # transformers' pipeline gives the number itself only where the files call it a regression.
            settings = RegressionSettings(sigmoid=found.problem_type is None, max_source_length=longest)
            return TextRegressor(model, tokenizer, found.labels, settings)
        if len(found.labels) == 1 and found.problem_type == "single_label_classification":
            raise UserError(
                f"{files / 'config.json'}: problem_type {found.problem_type!r} with one label is not supported; "
                "'regression' is"
            )
        multi_label = found.problem_type == "multi_label_classification"
        settings = ClassificationSettings(multi_label=multi_label, max_source_length=longest)
        return TextClassifier(model, tokenizer, found.labels, settings)
    if tokenizer.mask_id is None:
        raise UserError(f"{files}: the tokenizer has no mask token, which filling blanks needs")
    if not special_tokens_in_text:
        tokenizer = tokenizer.reading_from_text(tokenizer.id_to_token([tokenizer.mask_id]))
    return MaskedLanguageModel(model, tokenizer, FillSettings(max_source_length=longest))


def _encoder_tokenizer(files):
    return _tokenizer_and_trimming(files)[0]


def _tokenizer_and_trimming(files):
    """The tokenizer of an encoder, and whether the places of its tokens leave out the blanks beside them."""
    if not is_byte_pair(files):
        return load_tokenizer(files), True
    tokenizer, around, trims_offsets = read_byte_pair(files)
    if around not in ("both", None):
        raise UserError(f"{files}: an encoder whose tokenizer puts no special tokens around texts is not supported")
    return tokenizer, trims_offsets


def _text_generator(files, found, special_tokens_in_text):
    model = found.model
    tokenizer, begins, ends = read_language_model_tokenizer(files, vocabulary_size=model.vocabulary_size)
    if special_tokens_in_text:
        tokenizer = tokenizer.reading_from_text(tokenizer.control_tokens)
    if ends:
        raise UserError(f"{files}: a tokenizer that puts an end token behind every prompt is not supported")
    found = read_sampling(files, tokenizer.eos_id, model.max_sequence_length)
    # A short context would otherwise leave no room for a prompt.
    longest = min(GenerationSettings().max_new_tokens, model.max_sequence_length // 2)
    try:
        settings = GenerationSettings(**{"max_new_tokens": longest, **found}, begin_token=begins)
        return TextGenerator(model, tokenizer, settings, chat_template=read_chat_template(files))
    except UserError as error:
        raise UserError(f"{files}: {error}") from error


def _sequence_to_sequence_task(
    files, found, name, source_language, target_language, source_prefix, special_tokens_in_text
):
    model = found.model
    cls = SEQUENCE_TO_SEQUENCE_TASKS[name]
    tokenizers = load_sequence_to_sequence_tokenizers(
        files, found.family, model.target_vocabulary_size, source_language, target_language
    )
    generation = dict(found.generation)
    if found.end_token_ids != (tokenizers.target.eos_id,):
        raise UserError(
            f"{found.directory}: eos_token_id {list(found.end_token_ids)} is not supported; it must be the tokenizer's "
            f"end token {tokenizers.target.eos_id}"
        )
    if tokenizers.multilingual:
        generation |= _target_language(found, tokenizers, target_language)
    elif generation["start_token_id"] is None:
        raise UserError(f"{found.directory}: decoder_start_token_id is missing, without which no answer can begin")
    start = generation["start_token_id"]
    named = start is not None and start < tokenizers.target.vocabulary_size
    # transformers would make it a part of the answer's text.
    if named and tokenizers.target.decode([[start]]).numpy()[0]:
        raise UserError(
            f"{found.directory}: decoder_start_token_id (without it bos_token_id) {start} is not supported: it is a "
            "token of text, and neither the pad_token nor another special token"
        )
    nameless = range(tokenizers.target.vocabulary_size, model.target_vocabulary_size)
    generation["suppressed_token_ids"] = tuple(sorted({*generation["suppressed_token_ids"], *nameless}))
    settings = cls.settings_class(
        **generation,
        count_start_token=True,
        # The model's longest sequence, so that only max_new_tokens counts.
        max_tokens_offset=model.max_sequence_length,
        max_source_length=min(tokenizers.max_source_length or model.max_sequence_length, model.max_sequence_length),
        source_prefix_ids=tokenizers.source_prefix_ids,
        source_suffix_ids=tokenizers.source_suffix_ids,
        source_prefix=source_prefix,
        clean_up_spaces=tokenizers.clean_up_spaces,
    )
    source, target = tokenizers.source, tokenizers.target
    if special_tokens_in_text:
        joint = source is target
        source = source.reading_from_text(source.control_tokens)
        target = source if joint else target
    return cls(model, source, target, settings)


def _target_language(found, tokenizers, asked):
    """Settings of decoding for a target language: the one asked for, that of the checkpoint, or the tokenizer's."""
    first_tokens = {found.generation["start_token_id"], found.generation["forced_first_token_id"]}
    if asked is None and first_tokens - {None, tokenizers.target.bos_id, tokenizers.target.eos_id}:
        return {}
    if not tokenizers.generation:
        raise UserError(
            f"{found.directory} does not say into which language it translates; name it, for example with "
            f"python -m zoo.convert {found.directory} PRESET --source-language en_XX --target-language ro_RO"
        )
    return tokenizers.generation


def tag_scheme(tags):
    """The scheme that a list of tags is of: "BIOES" if any tag ends an entity, "BIO" if each label can begin one.

    A list with an I- tag but no B- tag of some label is "IOB1". Tags that fit none of them are "SIMPLE": without
    prefixes, in lower case, such as LABEL_0, or with prefixes of their own.
    """
    prefixes = {}
    for tag in tags:
        prefix, _, label = tag.partition("-")
        prefixes.setdefault(label, set()).add(prefix)
    prefixes.pop("", None)
    scheme = "BIO"
    if any(found & set("ESLU") for found in prefixes.values()):
        scheme = "BIOES"
    elif any("I" in found and "B" not in found for found in prefixes.values()):
        scheme = "IOB1"
    try:
        TagRules(tags, scheme)
    except UserError:
        return SIMPLE
    return scheme
