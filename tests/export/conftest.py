"""A small task without decoding, so that export tests take seconds; and one export of it that many tests read."""

import contextlib
import os
import resource
from dataclasses import dataclass

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from export.saved_model import export_saved_model
from zoo.errors import UserError
from zoo.tasks import Control, Signature, Task

EXAMPLES = ["A man rides a horse.", "Two Dogs run.", "GRÜẞE aus Köln!", "", "ein zwei drei vier fünf sechs sieben"]


class WordTokenizer(tf.Module):
    """One token per word."""

    def encode(self, texts):
        words = tf.strings.split(texts)
        return words.with_values(tf.strings.to_hash_bucket_fast(words.values, 100))


@dataclass(frozen=True)
class FolderSettings:
    """Longest input in words."""

    max_source_length: int = 20

    def __post_init__(self):
        if self.max_source_length < 1:
            raise UserError(f"max_source_length must be at least 1, got {self.max_source_length}")


class CaseFolder(Task):
    """Folds case and cuts to `max_new_tokens` characters; the score comes from a Keras model and `length_penalty`."""

    def __init__(self, settings=None):
        self.tokenizer = WordTokenizer()
        self.settings = settings or FolderSettings()
        self.max_source_length = self.settings.max_source_length
        self.examples = EXAMPLES
        self.controls = {
            "max_new_tokens": Control("int32", 30, 1, 50, "most characters"),
            "length_penalty": Control("float32", 1.0, 0.0, 10.0, "weight of the length"),
        }
        inputs = keras.Input((2,))
        weights = keras.initializers.RandomNormal(stddev=1.0, seed=1)
        self.model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer=weights)(inputs))

    def predict_batch(self, text, **controls):
        rows = tf.shape(text)[0]
        given = {}
        for name, control in self.controls.items():
            value = controls.get(name)
            value = tf.fill([rows], tf.constant(control.default, control.dtype)) if value is None else value
            inside = tf.reduce_all((value >= control.minimum) & (value <= control.maximum))
            with tf.control_dependencies([tf.debugging.Assert(inside, [f"{name} is out of bounds"])]):
                given[name] = tf.identity(value)
        return self.fold(text, **given)

    def fold(self, text, max_new_tokens, length_penalty):
        text = tf_text.case_fold_utf8(tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace"))
        text = tf.strings.substr(text, tf.zeros_like(max_new_tokens), max_new_tokens, unit="UTF8_CHAR")
        length = tf.cast(tf.strings.length(text, unit="UTF8_CHAR"), tf.float32)
        return {"text": text, "score": self.model(tf.stack([length, length_penalty], axis=1))[:, 0]}

    def unpack(self, outputs):
        return [text.decode("utf-8") for text in outputs["text"]]

    def __call__(self, texts, **options):
        outputs = self.predict_batch(tf.constant(texts, tf.string, shape=[len(texts)]))
        return self.unpack({"text": outputs["text"].numpy()})

    def _of_settings(self, settings):
        return CaseFolder(settings)

    def save(self, directory):
        raise NotImplementedError


@pytest.fixture
def folder():
    return CaseFolder()


@pytest.fixture
def comparer(folder):
    """The task with a further signature, which says how many bytes two texts have and whether they are the same."""

    def compare(text, other):
        length = tf.strings.length(text) + tf.strings.length(other)
        return {"length": tf.cast(length, tf.float32), "same": text == other}

    folder.further_signatures = {"compare": Signature(compare, ("text", "other"))}
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The task and the directory of its only version."""
    task = CaseFolder()
    serving_directory = tmp_path_factory.mktemp("serving") / "folder"
    return task, export_saved_model(task, serving_directory, max_batch_size=8)


@pytest.fixture
def file_size_limit():
    """A context in which writes beyond a size fail, as on a full disk."""

    @contextlib.contextmanager
    def limited(num_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
