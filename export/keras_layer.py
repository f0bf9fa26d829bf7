"""An export as a layer of a Keras program: of Keras 3 on TensorFlow, or of tf_keras in programs of Keras 2."""

import functools
import os
from pathlib import Path
from typing import Any

from zoo.errors import UserError

_PACKAGE = "zoo_export"


def served_layer(
    directory: str | Path, signature: Any = "serving_default", keras: Any = None, name: str | None = None
) -> Any:
    """A layer that answers as a signature of an export does, for models that take texts.

    Its input is a string tensor [B], the texts, or a dict of tensors by the names of the signature's inputs, each [B]
    or, for one value that counts for all texts, [1]. Controls that are left out have the export's defaults. Its output
    is a dict of tensors by the names of the signature's outputs. Nothing in it can be trained.

    Args:
        directory: A version of an export, such as "serving/translation/1".
        signature: "serving_default", or another that the export has, such as "generate", "classify" or "score".
        keras: The module of the program's Keras, `keras` or `tf_keras`; if None, tf_keras where the environment has
            TF_USE_LEGACY_KERAS=1, else Keras 3.
        name: Of the layer.

    Returns:
        A `keras.layers.Layer`. To load a model that holds it, give `custom_objects=served_layer_objects(keras)`.

    Raises:
        UserError: for a directory without a SavedModel, a signature that it does not have, a backend other than
            TensorFlow, and if tensorflow_text, which holds the operations of its tokenizer, is not installed.

    Example:
        >>> layer = served_layer("serving/translation/1", "generate")
        >>> layer({"text": tf.constant(["A man rides a horse."]), "max_new_tokens": tf.constant([20])})["text"]
        <tf.Tensor: shape=(1,), dtype=string, numpy=array([b'Ein Mann reitet auf einem Pferd.'], dtype=object)>
    """
    return _layer_class(_keras_of_program() if keras is None else keras)(str(directory), signature, name=name)


def served_layer_objects(keras: Any = None) -> dict[str, Any]:
    """What `load_model(path, custom_objects=...)` needs for a model that holds a `served_layer`.

    Args:
        keras: As of `served_layer`.
    """
    return {f"{_PACKAGE}>ServedLayer": _layer_class(_keras_of_program() if keras is None else keras)}


def _keras_of_program() -> Any:
    if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
        try:
            import tf_keras
        except ImportError as error:
            raise UserError(f"TF_USE_LEGACY_KERAS is set, but tf-keras cannot be imported ({error})") from error
        return tf_keras
    import keras

    return keras


def _load(directory, signature):
    """The SavedModel, one of its signatures and that one's default inputs, numpy arrays by name."""
    try:
        import tensorflow_text  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{directory} holds operations of TensorFlow Text, which cannot be imported ({error}); install "
            "tensorflow-text of TensorFlow's version"
        ) from error
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    path = Path(directory) / "saved_model.pb"
    if not path.is_file():
        raise UserError(f"{directory} holds no {path.name}; name a version of an export, such as serving/name/1")
    description = saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs[0].signature_def
    known = sorted(each for each in description if not each.startswith("__"))
    if signature not in known:
        raise UserError(f"{directory} has no signature {signature!r}; it has {', '.join(known)}")
    defaults = {name: tf.make_ndarray(value) for name, value in description[signature].defaults.items()}
    loaded = tf.saved_model.load(str(directory))
    return loaded, loaded.signatures[signature], defaults


@functools.cache
def _layer_class(keras):
    """The class of layers, for one module of Keras."""

    @keras.saving.register_keras_serializable(package=_PACKAGE)
    class ServedLayer(keras.layers.Layer):
        """A signature of an export; see `served_layer`."""

        def __init__(self, directory, signature="serving_default", **options):
            backend = getattr(keras.backend, "backend", lambda: "tensorflow")()
            if backend != "tensorflow":
                raise UserError(f"exports are TensorFlow programs; this process runs Keras on {backend}")
            super().__init__(trainable=False, **{key: value for key, value in options.items() if key != "trainable"})
            self.directory, self.signature = directory, signature
            self._loaded, self._function, self._defaults = _load(directory, signature)
            self._inputs = tuple(self._function.structured_input_signature[1])

        def call(self, inputs):
            """Answers of the signature, tensors by name."""
            import tensorflow as tf

            given = inputs
            if not isinstance(inputs, dict):
                # Of several texts it is not said which one that is.
                texts = [name for name in self._inputs if name not in self._defaults]
                given = {texts[0]: inputs} if len(texts) == 1 else {}
            unknown = sorted(set(given) - set(self._inputs))
            missing = sorted(set(self._inputs) - set(given) - set(self._defaults))
            if unknown or missing:
                problem = f"has no input {unknown[0]!r}" if unknown else f"lacks its input {missing[0]!r}"
                raise UserError(f"signature {self.signature!r} {problem}; its inputs are {', '.join(self._inputs)}")
            rest = {name: tf.constant(self._defaults[name]) for name in self._inputs if name not in given}
            return dict(self._function(**given, **rest))

        def get_config(self):
            """The constructor's arguments."""
            return {**super().get_config(), "directory": self.directory, "signature": self.signature}

    return ServedLayer
