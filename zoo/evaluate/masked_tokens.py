"""How well a masked language model predicts hidden tokens, those that the recipe hides in validation."""

import numpy as np
from rich.table import Table

from zoo.data import DocumentBlocks, LineRows, MaskedBatches, TextDocuments, TokenizedDocuments, TokenMasking
from zoo.errors import UserError
from zoo.evaluate.evaluation import Evaluation
from zoo.evaluate.perplexity import checked_context, prepare
from zoo.training import TokenAccuracy, TokenNegativeLogLikelihood, Validation

_SEED = 0
_SHORTEST_ROW = 8
_UNUSED = "next_sentence_accuracy"


def evaluate_masked_tokens(task, config):
    """Hides tokens of a text and measures how probable the model finds them.

    Args:
        task: `zoo.tasks.MaskedLanguageModel`.
        config: An `EvaluateConfig`.
    """
    tokenizer = task.tokenizer.reading_from_text(())
    roles = ("pad", "unk", "bos", "eos", "mask")
    special = sorted({getattr(tokenizer, f"{role}_id") for role in roles} - {None})
    if not hasattr(tokenizer, "tokenize_with_offsets"):
        raise UserError(f"{type(tokenizer).__name__} does not say where words begin, which hiding tokens needs")
    text = TextDocuments([config.test_file])
    documents = TokenizedDocuments.encode(text, tokenizer.tokenize_with_offsets, text.name)
    context = checked_context(config, min(task.model.max_sequence_length, task.max_source_length), _SHORTEST_ROW)
    make_rows = LineRows if config.line_by_line else DocumentBlocks
    rows = make_rows(
        documents,
        sequence_length=context,
        bos_id=tokenizer.bos_id,
        eos_id=tokenizer.eos_id,
        pad_id=tokenizer.pad_id,
    )
    masking = TokenMasking(
        mask_id=tokenizer.mask_id,
        special_ids=special,
        vocabulary_size=tokenizer.vocabulary_size,
        share=config.masked_share,
    )
    batches = list(MaskedBatches(rows, masking, batch_size=config.batch_size, seed=_SEED, shuffle=False).epoch(0))
    hidden = int(sum((weights > 0).sum() for _, _, weights in batches))
    prepare(task.model)
    metrics = [TokenNegativeLogLikelihood(), TokenAccuracy()]
    if task.model.next_sentence_head is not None:
        batches = [_with_next_sentences(*batch) for batch in batches]
        metrics = {"token_logits": metrics, "next_sentence_logits": [TokenAccuracy(name=_UNUSED)]}
    found = Validation(batches, metrics=metrics).evaluate(task.model)
    found.pop(_UNUSED, None)
    title = f"{config.test_file}: {hidden:,} hidden of {len(documents.tokens):,} tokens"
    table = Table()
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in found.items():
        table.add_row(name, f"{value:.4f}")
    scores = {"tokens": len(documents.tokens), "hidden_tokens": hidden, "masked_share": config.masked_share}
    note = "the perplexity is over hidden tokens only, so it does not compare with that of left-to-right models"
    return Evaluation({**scores, "scores": found}, [title, table, note])


def _with_next_sentences(x, labels, weights):
    """A batch for a model that judges next sentences as well, which do not count here."""
    unused = np.zeros(len(labels), "int32")
    return (
        x,
        {"token_logits": labels, "next_sentence_logits": unused},
        {"token_logits": weights, "next_sentence_logits": unused.astype("float32")},
    )
