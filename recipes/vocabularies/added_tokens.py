"""Tokens that a recipe adds to a vocabulary: what the option does to texts, tokenizers and models."""

import re

from zoo.errors import UserError


def check_added_tokens(contents):
    """Refuses tokens that no vocabulary can be given.

    Raises:
        UserError: naming the option.
    """
    for place, content in enumerate(contents):
        if not content.strip():
            raise UserError(f"--add-token {content!r}: a token needs a character that is no blank")
        if "\n" in content or "\r" in content:
            raise UserError(f"--add-token {content!r}: a token is within a line; leave out the line end")
        if content in contents[:place]:
            raise UserError(f"--add-token {content!r} is given twice")


def without_added_tokens(texts, contents):
    """Texts to train a vocabulary on, which spends nothing on the parts of added tokens.

    Args:
        texts: Iterable of str.
        contents: What the tokens are in a text.
    """
    if not contents:
        return texts
    # Of alternatives the first counts that matches.
    pattern = re.compile("|".join(map(re.escape, sorted(contents, key=len, reverse=True))))
    return (pattern.sub(" ", text) for text in texts)


def add_to_tokenizer(tokenizer, contents, *, trained=False):
    """The tokenizer with the tokens.

    Args:
        tokenizer: `zoo.tokenizers.Tokenizer`.
        contents: What the tokens are in a text.
        trained: Whether its vocabulary is one that has just been trained, so that it may have a token by chance.

    Raises:
        UserError: for a token that the vocabulary has already.
    """
    if not contents:
        return tokenizer
    try:
        return tokenizer.with_added_tokens(contents, entries_too=trained)
    except UserError as error:
        raise UserError(f"--add-token: {error}") from None


def add_to_pretrained(model, tokenizer, contents):
    """A pretrained model and its tokenizer with the tokens.

    Raises:
        UserError: for a token that the vocabulary has already.
    """
    if not contents:
        return model, tokenizer
    # Here, so that a configuration is made without Keras.
    from zoo.weights import with_new_tokens

    larger = add_to_tokenizer(tokenizer, contents)
    return with_new_tokens(model, tokenizer.vocabulary_size, len(contents)), larger


def added_tokens_line(tokenizer, contents):
    """Yields what to say of added tokens, with their ids, if there are any.

    Args:
        tokenizer: What has them.
        contents: What they are in a text.
    """
    if contents:
        yield "added tokens: " + ", ".join(f"{content} {tokenizer.token_to_id(content)}" for content in contents)
