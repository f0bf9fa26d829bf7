"""A SentencePiece model as a resource of a graph that lives as long as its tokenizer."""

import hashlib

import tensorflow_text as tf_text
from tensorflow_text.python.ops.sentencepiece_tokenizer import (
    _SentencepieceModelResource,
    gen_sentencepiece_tokenizer,
)


class _LastingModel(_SentencepieceModelResource):
    """A model resource under a name of its own.

    The package's own is nameless and dies with the kernel that made it, as soon as TensorFlow clears its kernel cache,
    which `tf.random.set_seed` and `keras.utils.set_random_seed` do: every later use fails with NotFoundError.
    """

    def _create_resource(self):
        return gen_sentencepiece_tokenizer.sentencepiece_op(
            model=self._model, shared_name=f"sentencepiece_{hashlib.sha256(self._model).hexdigest()}"
        )


class LastingSentencepiece(tf_text.SentencepieceTokenizer):
    """The package's tokenizer over a model resource that setting a random seed does not destroy."""

    def __init__(self, model: bytes, **options):
        """Creates the resource.

        Args:
            model: The bytes of a SentencePiece model.
            **options: Of `tensorflow_text.SentencepieceTokenizer`.
        """
        super().__init__(model, **options)
        self._model_resource = _LastingModel(model, None)
