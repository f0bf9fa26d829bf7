"""The text that tokenizers read and that all offsets refer to: valid UTF-8."""

import re
from typing import Any

import tensorflow as tf

from zoo.errors import UserError

_SURROGATES = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """Replaces lone surrogates, which UTF-8 cannot hold, by U+FFFD: what training reads of a str."""
    return _SURROGATES.sub("\ufffd", text)


def string_tensor(texts) -> tf.Tensor:
    """A batch of texts as a tensor.

    Args:
        texts: string tensor of shape [B], or a list of str or bytes. Lone surrogates in a str become invalid UTF-8.

    Returns:
        string tensor of shape [B].

    Raises:
        UserError: for one text in place of a list of them, and for other shapes.
    """
    if isinstance(texts, (str, bytes)):
        raise UserError("texts must be a list of texts, not one text: put it in a list")
    if isinstance(texts, (list, tuple)):
        texts = [text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text for text in texts]
    texts = tf.convert_to_tensor(texts, tf.string)
    if texts.shape.rank not in (1, None):
        raise UserError(f"texts must be of shape [B], not {texts.shape}")
    return texts


def clean_text(texts: Any) -> tf.Tensor:
    """Replaces what is no valid UTF-8 by U+FFFD, three bytes each; valid text stays as it is.

    Args:
        texts: string tensor of shape [B], or a list of str or bytes.

    Returns:
        string tensor of shape [B].
    """
    return tf.strings.unicode_transcode(string_tensor(texts), "UTF-8", "UTF-8", errors="replace")
