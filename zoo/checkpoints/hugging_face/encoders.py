"""Encoders of the registered families and models over them, from Hugging Face directories and into them."""

from zoo.architectures.encoder_architecture import CLASSIFIERS, LANGUAGE_MODELS, kind_of
from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE
from zoo.checkpoints.hugging_face.encoder_configuration import PROBLEM_TYPES, EncoderConfiguration
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.named_tensors import assign_tensors, tensors_by_name
from zoo.errors import UserError


def load_encoder(files, architecture, kind=None, dtype=None):
    """Reads an encoder or a model over one from a Hugging Face directory.

    Args:
        files: `DirectoryFiles` of a directory with config.json and safetensors, whole or in shards.
        architecture: `zoo.architectures.encoder_architecture.EncoderArchitecture` that config.json names.
        kind, dtype: As in `load_hugging_face`.

    Returns:
        A `ForeignModel`.

    Raises:
        UserError: for missing or damaged files, settings that the zoo does not have, and tensors missing, unexpected or
            of another shape, each by name.
    """
    configuration = EncoderConfiguration(files.config, files / CONFIG_FILE, architecture)
    kind = configuration.choose_kind(kind)
    tensors = SafetensorsFiles(files.path)
    model = configuration.make_model(kind, tensors.shapes, dtype)
    tensors.rename(lambda name: architecture.name_in_model(name, model))
    copies = architecture.copies if kind in LANGUAGE_MODELS else None
    assign_tensors(model, tensors, architecture.tensor_names(model), architecture.unused_names(model), copies)
    return configuration.describe(kind, model)


def encoder_to_hugging_face(model, architecture, labels=None, problem_type=None, pad_token_id: int | None = 0):
    """What `load_encoder` and transformers read a model from, which is built if it is not.

    Args:
        model: An encoder or a model over one.
        architecture: Its `zoo.architectures.encoder_architecture.EncoderArchitecture`.
        labels: Names of a classifier's classes in the order of its logits; LABEL_0, LABEL_1 and so on if None.
        problem_type: Of a `SequenceClassifier`: one of `PROBLEM_TYPES`, or None.
        pad_token_id: Of the tokenizer, where the family's configuration does not follow from the model.

    Returns:
        The content of config.json, and float32 numpy arrays by the names of tensors.

    Raises:
        UserError: for a wrong number of labels and an unknown type of problem.
    """
    kind = kind_of(model)
    outputs = model.num_labels if kind in CLASSIFIERS else 0
    if labels is not None and len(labels) != outputs:
        raise UserError(f"{len(labels)} labels do not fit a model with {outputs} classes")
    if problem_type not in (*PROBLEM_TYPES, None):
        raise UserError(f"problem_type must be one of {', '.join(PROBLEM_TYPES)}, got {problem_type!r}")
    if kind in CLASSIFIERS and labels is None:
        labels = [f"LABEL_{i}" for i in range(outputs)]
    content = {
        "architectures": [architecture.class_name(kind)],
        "model_type": architecture.model_type,
        "pad_token_id": pad_token_id,
        **architecture.configuration(model),
        "tie_word_embeddings": True,
        "initializer_range": 0.02,
    }
    if labels is not None:
        content["id2label"] = {str(number): name for number, name in enumerate(labels)}
        content["label2id"] = {name: number for number, name in enumerate(labels)}
    if problem_type is not None:
        content["problem_type"] = problem_type
    if not model.built:
        model.build()
    return {**content, "dtype": "float32"}, tensors_by_name(model, architecture.tensor_names(model))
