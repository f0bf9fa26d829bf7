"""Blanks before punctuation and English contractions, taken away as transformers does."""

import re

import tensorflow as tf

# In the order in which transformers replaces them.
_REPLACED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")


def clean_up_spaces(texts):
    """What `clean_up_tokenization_spaces` of transformers makes of decoded texts, a string tensor."""
    for blank_before in _REPLACED:
        texts = tf.strings.regex_replace(texts, re.escape(blank_before), blank_before.strip())
    return texts
