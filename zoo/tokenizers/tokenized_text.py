"""Tokens together with where in the text they come from."""

from typing import NamedTuple

import tensorflow as tf


class TokenizedText(NamedTuple):
    """Tokens of a batch of texts, all four int32 ragged tensors of shape [B, None] with the same row lengths.

    Offsets count bytes of the original text, after `clean_text` if it was no valid UTF-8; `character_offsets` turns
    them into code points. `tf.strings.substr(clean_text(texts), starts, ends - starts)` is the text of a token.

    Attributes:
        token_ids: The ids that `encode` gives.
        word_ids: Index of the word that a token is part of, from 0 in each text.
        starts: Where the token begins.
        ends: Where it ends, exclusive.
    """

    token_ids: tf.RaggedTensor
    word_ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor
