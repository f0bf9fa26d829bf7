"""Generated tokens as a text that one call gives and the next one takes, so that a continuation can be had in parts."""

import itertools

import tensorflow as tf

from zoo.tasks.text_control import TextControl

RESUMPTION = {
    "token_ids": "ids of all its tokens, the `so_far` of a call that goes on",
    "finished": "whether it has come to its end, rather than to `max_new_tokens`",
    "settled_bytes": "how many bytes of the text stay as they are if it goes on",
    "prompt_tokens": "how many tokens of the prompt were read",
}
"""What else a continuation's signature says, by output name."""
_IDS = r"(?:[0-9]{1,9}(?: [0-9]{1,9})*)?"
_BYTES_OF_ONE = 10


def so_far_control(generator):
    """The control with the tokens that a `TextGenerator` has chosen in earlier calls."""
    size, most = generator.tokenizer.vocabulary_size, generator.settings.max_new_tokens
    texts = (str(number) for number, content in enumerate(generator.tokenizer.token_bytes) if content)
    texts = list(itertools.islice(texts, 2))

    def accepts(values):
        ids = read_token_ids(tf.where(tf.strings.regex_full_match(values, _IDS), values, ""))
        known = tf.reduce_all(ids < size, axis=1)
        return known & (ids.row_lengths() <= most)

    return TextControl(
        "",
        _BYTES_OF_ONE * most,
        "the output `token_ids` of a call whose text is to go on; empty for a new one",
        ("", texts[0], " ".join(texts[:most])),
        pattern=_IDS,
        accepts=accepts,
        rule=f"be at most {most} token ids below {size}, with blanks between them",
    )


def read_token_ids(texts):
    """Token ids int32 [B, None] of strings [B] that match the control's pattern."""
    words = tf.strings.split(texts)
    return words.with_values(tf.strings.to_number(words.values, tf.int32))


def joined_token_ids(token_ids):
    """The inverse of `read_token_ids`."""
    return tf.strings.reduce_join(tf.strings.as_string(token_ids), axis=1, separator=" ")
