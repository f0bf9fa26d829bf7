"""The encoder that a recipe starts from, pretrained or new, and WordPiece vocabularies of training texts."""

from recipes.vocabularies.added_tokens import add_to_pretrained, add_to_tokenizer, without_added_tokens
from recipes.vocabularies.kept_tokenizers import kept_tokenizer
from recipes.vocabularies.trained_size import MOST_TOKENS
from zoo.models import Encoder
from zoo.tasks import load_pretrained_encoder
from zoo.tokenizers import WordPieceTokenizer

# Of encoders without pretraining.
_POSITIONS = 512


def starting_encoder(config, texts, *, pooler, resumed, dropout=None):
    """The encoder to start from and its tokenizer.

    Args:
        config: A `FineTuningConfig`.
        texts: Training texts, from which a vocabulary is trained where there is no pretrained encoder.
        pooler: Whether the encoder is to have a pooler.
        resumed: Whether a run goes on; its tokenizer is then read again.
        dropout: Dropout rate of a new encoder; its class's own if None.
    """
    if config.pretrained is not None:
        found = load_pretrained_encoder(config.pretrained, pooler=pooler, dtype=config.precision)
        return add_to_pretrained(*found, config.add_token)
    tokenizer = kept_tokenizer(config, "tokenizer", resumed) or train_wordpiece(config, texts)
    size = Encoder.sizes[config.size]
    encoder = Encoder(
        tokenizer.vocabulary_size,
        **size,
        max_sequence_length=_POSITIONS,
        pooler=pooler,
        dtype=config.precision,
        **({} if dropout is None else {"dropout": dropout}),
    )
    return encoder, tokenizer


def train_wordpiece(config, texts):
    """A WordPiece tokenizer of texts, of the size that was asked for or that they allow, with the added tokens."""
    size = config.vocabulary_size
    tokenizer = WordPieceTokenizer.train(
        without_added_tokens(texts, config.add_token),
        size or MOST_TOKENS,
        lowercase=config.lowercase,
        lower_to_fit=size is None,
    )
    return add_to_tokenizer(tokenizer, config.add_token, trained=True)
