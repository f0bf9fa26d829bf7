"""The steps that the recipes share which train an encoder-decoder on pairs of texts."""

import keras

from recipes.options.run import flag
from recipes.text_to_text.encoded_texts import pair_encoders, source_end_id
from recipes.vocabularies.kept_tokenizers import kept_tokenizer
from recipes.vocabularies.trained_size import size_by_text
from zoo.data import PairBatches
from zoo.errors import UserError
from zoo.models import EncoderDecoder
from zoo.tokenizers import SentencePieceTokenizer

TOKENIZERS = ("source_tokenizer", "target_tokenizer")
"""Where a run keeps its tokenizers; the first serves both languages if the vocabulary is joint."""


def make_tokenizers(config, train_pairs, resumed):
    """Source and target tokenizer, the same object for a joint vocabulary; those of a run that goes on."""
    source, target = (kept_tokenizer(config, folder, resumed) for folder in TOKENIZERS)
    if source and (target or config.joint_vocabulary):
        return source, source if config.joint_vocabulary else target

    def trained(sides):
        def texts():
            return (pair[side] for pair in train_pairs for side in sides)

        return SentencePieceTokenizer.train(
            texts(),
            vocabulary_size=config.vocabulary_size or size_by_text(texts()),
            model_type=config.vocabulary_type,
            normalization=config.normalization,
            lower_to_fit=config.vocabulary_size is None,
        )

    if config.joint_vocabulary:
        joint = trained((0, 1))
        return joint, joint
    return trained((0,)), trained((1,))


def make_model(config, source_tokenizer, target_tokenizer, precision):
    """The untrained model."""
    overrides = {} if config.dropout is None else {"dropout": config.dropout}
    if config.num_layers:
        overrides |= {"num_encoder_layers": config.num_layers, "num_decoder_layers": config.num_layers}
    model = EncoderDecoder.from_size(
        config.size,
        source_vocabulary_size=source_tokenizer.vocabulary_size,
        target_vocabulary_size=target_tokenizer.vocabulary_size,
        norm=config.norm,
        max_sequence_length=max(config.max_lengths),
        tied_embeddings="all" if config.joint_vocabulary else "target",
        dtype=precision,
        **overrides,
    )
    model.build()
    return model


def check_positions(config, model, **lengths):
    """Refuses lengths, by field name, that the model of `--pretrained` has no positions for.

    Raises:
        UserError: naming the options.
    """
    longest = model.max_sequence_length
    too_long = " and ".join(f"{flag(name)} {length}" for name, length in lengths.items() if length > longest)
    if too_long:
        raise UserError(f"{too_long}: more than the {longest} positions of {config.pretrained}")


def make_batches(config, pairs, tokenizers, settings, training, *, encode=None, encode_epoch=None):
    """Batches of `pairs`, shuffled for training; of few shapes where each new shape is compiled.

    Args:
        config: A `SequenceToSequenceConfig`.
        pairs: Re-iterable of (source, target) strings.
        tokenizers: That of the sources and that of the targets.
        settings: Of the task, which say what stands around sources and what the decoder reads first.
        training: Whether to shuffle, and to leave out pairs of too different lengths.
        encode: From lists of texts to token arrays, for sources and for targets; `pair_encoders` if None.
        encode_epoch: As of `PairBatches`, for tokens that change from epoch to epoch.
    """
    encode_source, encode_target = encode or pair_encoders(tokenizers, settings)
    max_source_length, max_target_length = config.max_lengths
    compiled = config.jit_compile or keras.config.backend() == "jax"
    target = tokenizers[1]
    return PairBatches(
        pairs,
        encode_source,
        encode_target,
        bos_id=target.bos_id if settings.start_token_id is None else settings.start_token_id,
        eos_id=target.eos_id,
        pad_id=target.pad_id,
        source_end_id=source_end_id(settings),
        batch_size_tokens=config.batch_size_tokens,
        max_source_length=max_source_length,
        max_target_length=max_target_length,
        max_length_ratio=config.max_length_ratio if training else None,
        seed=config.seed,
        shuffle=training,
        fixed_rows=compiled,
        length_multiple=8 if compiled else 4,
        encode_epoch=encode_epoch,
    )
