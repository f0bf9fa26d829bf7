"""Tasks over pairs of texts of Hugging Face directories: which directories are for pairs, and how they are read."""

from zoo.checkpoints.hugging_face.cross_encoder import CrossEncoder, is_cross_encoder, read_cross_encoder
from zoo.checkpoints.hugging_face.pair_template import read_pair_template
from zoo.checkpoints.hugging_face.tokenizer_settings import max_text_length
from zoo.errors import UserError
from zoo.tasks.pair_classifier import PairClassificationSettings, PairClassifier
from zoo.tasks.pair_scorer import PairScorer, PairScoringSettings
from zoo.tasks.question_answerer import QuestionAnswerer, QuestionAnsweringSettings
from zoo.tasks.task import Task
from zoo.tasks.zero_shot import entailment_of

PAIR_TASKS = {"pair_classification": PairClassifier, "pair_scoring": PairScorer}
"""Tasks over pairs that a sequence classifier can be for, by name."""


def pair_task_of(files):
    """The name in `PAIR_TASKS` of what a directory's files say that it is for, or None if that is not pairs.

    A cross-encoder of sentence-transformers is for scores if it has one output, and else for classes; a classifier with
    a label that begins with "entail", whatever the case, is for classes of a premise and a hypothesis.

    Args:
        files: `DirectoryFiles` with a config.json.
    """
    content = files.config
    given = content.get("id2label")
    labels = [str(label) for label in given.values()] if isinstance(given, dict) else []
    if is_cross_encoder(files):
        count = len(labels) or content.get("num_labels", 2)
        return "pair_scoring" if count == 1 else "pair_classification"
    architectures = content.get("architectures") or [""]
    if str(architectures[0]).endswith("ForSequenceClassification"):
        return None if entailment_of(labels) is None else "pair_classification"
    return None


def inputs_of(files):
    """Names of the texts that the task of a directory takes, told from its config.json alone."""
    architectures = files.config.get("architectures") or [""]
    if str(architectures[0]).endswith("ForQuestionAnswering"):
        return QuestionAnswerer.inputs
    return getattr(PAIR_TASKS.get(pair_task_of(files) or ""), "inputs", Task.inputs)


def make_pair_task(files, found, tokenizer, name):
    """The task over pairs of a sequence classifier.

    Args:
        files: `DirectoryFiles`.
        found: `ForeignModel` of the kind "sequence_classifier".
        tokenizer: Its tokenizer.
        name: One of `PAIR_TASKS`.

    Raises:
        UserError: for a model of another number of outputs than the task has, and settings that the zoo does not have.
    """
    cross_encoder = read_cross_encoder(files) if is_cross_encoder(files) else CrossEncoder(None, None)
    model, one_output = found.model, len(found.labels) == 1
    longest = cross_encoder.max_length or max_text_length(files) or model.max_sequence_length
    shared = {**read_pair_template(files)._asdict(), "max_source_length": min(longest, model.max_sequence_length)}
    if name == "pair_classification" and one_output:
        raise UserError(f"{files} holds a model of one output, which gives no classes; use the task 'pair_scoring'")
    try:
        if name == "pair_classification":
            multi_label = found.problem_type == "multi_label_classification" or cross_encoder.activation == "sigmoid"
            settings = PairClassificationSettings(**shared, multi_label=multi_label)
            return PairClassifier(model, tokenizer, found.labels, settings)
        # sentence-transformers takes the logistic function of one output unless the files say otherwise.
        settings = PairScoringSettings(**shared, sigmoid=cross_encoder.activation != "identity")
        return PairScorer(model, tokenizer, found.labels, settings)
    except UserError as error:
        raise UserError(f"{files}: {error}") from error


def make_question_answerer(files, found, tokenizer, trims_offsets):
    """The task of a model for questions, with windows as transformers' pipeline takes them.

    Args:
        files, found, tokenizer: As of `make_pair_task`, of the kind "span_predictor".
        trims_offsets: Whether the tokenizer leaves the blanks beside words out of their places, and answers with them.

    Raises:
        UserError: for a tokenizer that joins texts in another way, and for one that reads too few tokens.
    """
    usual = QuestionAnsweringSettings()
    window = min(max_text_length(files) or usual.window, usual.window, found.model.max_sequence_length)
    template = read_pair_template(files)._asdict()
    try:
        overlap = min(usual.overlap, window // 2)
        settings = QuestionAnsweringSettings(**template, window=window, overlap=overlap, trim_blanks=trims_offsets)
        return QuestionAnswerer(found.model, tokenizer, settings)
    except UserError as error:
        raise UserError(f"{files}: {error}") from error
