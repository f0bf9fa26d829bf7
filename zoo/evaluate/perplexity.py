"""Perplexity of a language model, in windows that overlap."""

import re

import keras
import numpy as np

from zoo.data import ExactDocuments, StridedWindows
from zoo.errors import UserError
from zoo.evaluate.evaluation import Evaluation
from zoo.metrics import Perplexity
from zoo.training import Validation

# A break where no token of byte pairs reaches over: between a line end and the line after it, neither of them blank.
_BREAK = re.compile(r"(?<=\S\n)(?=\S)")
_CHUNK_CHARACTERS = 20_000


def encode_documents(tokenizer, documents):
    """Tokens of each document, a list of int32 arrays.

    Args:
        tokenizer: `zoo.tokenizers.BytePairTokenizer`.
        documents: Iterable of str.
    """
    return [np.concatenate([encode_piece(tokenizer, piece) for piece in pieces(text)]) for text in documents]


def encode_piece(tokenizer, piece):
    """Tokens of one text, an int32 array."""
    return tokenizer.encode([piece]).flat_values.numpy().astype(np.int32)


def pieces(text):
    """Yields a text in pieces of about 20,000 characters whose tokens are the text's."""
    start = 0
    while len(text) - start > _CHUNK_CHARACTERS:
        found = _BREAK.search(text, start + _CHUNK_CHARACTERS)
        if found is None:
            break
        yield text[start : found.start()]
        start = found.start()
    yield text[start:]


def measure_perplexity(model, documents, num_bytes, *, begin_id, context, stride, batch_size):
    """`Perplexity` of tokenized documents, each by itself, in windows that overlap.

    Args:
        model: `zoo.models.GPT2`.
        documents: list of int arrays, tokens without special ones.
        num_bytes: Bytes of the documents' text.
        begin_id: The token that stands before each document.
        context: Tokens of a window, at most.
        stride: Tokens by which windows move on.
        batch_size: Windows at a time.
    """
    total = tokens = 0
    for document in documents:
        if not len(document):
            continue
        windows = StridedWindows(
            document, begin_id=begin_id, block_length=context, stride=stride, batch_size=batch_size
        )
        total += Validation(windows).evaluate(model)["nll"] * windows.num_tokens
        tokens += windows.num_tokens
    if not tokens:
        raise UserError("there are no tokens to predict: the text is empty")
    return Perplexity(total / tokens, tokens, num_bytes, context, stride)


def evaluate_perplexity(task, config):
    """Measures how well a generator's model predicts a text.

    Args:
        task: `zoo.tasks.TextGenerator`.
        config: An `EvaluateConfig`.
    """
    separator = config.document_separator
    if separator is not None:
        separator = separator.replace("\\n", "\n").replace("\\t", "\t")
    documents = list(ExactDocuments([config.test_file], separator, config.text_field))
    context = checked_context(config, task.model.max_sequence_length, 2)
    stride = config.stride or context // 2
    if not 1 <= stride <= context:
        raise UserError(f"--stride must be between 1 and the context of {context} tokens, got {stride}")
    prepare(task.model)
    perplexity = measure_perplexity(
        task.model,
        encode_documents(task.tokenizer, documents),
        sum(len(text.encode()) for text in documents),
        begin_id=task.tokenizer.eos_id,
        context=context,
        stride=stride,
        batch_size=config.batch_size,
    )
    shown = [
        f"{config.test_file}: {len(documents):,} document{'s' if len(documents) > 1 else ''}, "
        f"{perplexity.tokens:,} tokens",
        f"in windows of {context} that move on by {stride}: nll {perplexity.nll:.4f}, "
        f"perplexity {perplexity.per_token:.2f} per token, {perplexity.bits_per_byte:.4f} bits per byte",
    ]
    return Evaluation({"documents": len(documents), "perplexity": perplexity.to_dict()}, shown)


def checked_context(config, longest, least):
    """--context, or the model's longest sequence.

    Raises:
        UserError: for one that the model does not have.
    """
    context = longest if config.context is None else config.context
    if not least <= context <= longest:
        raise UserError(f"--context must be between {least} and the {longest} positions of the model, got {context}")
    return context


def prepare(model):
    """Has a model that was never trained evaluated without XLA, which would compile each shape of batch."""
    model.jit_compile = "auto" if keras.config.backend() == "jax" else False
