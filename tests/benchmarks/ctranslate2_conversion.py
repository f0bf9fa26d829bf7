"""Writes a `Translator` of this project as a CTranslate2 model directory with the same weights.

CTranslate2 then serves as an independent implementation of the same model: for speed in `decoding_speed.py`, for values
in `tests/zoo/generation/test_ctranslate2_parity.py`.
"""

import json

import numpy as np
from ctranslate2.specs import TransformerSpec, common_spec

from zoo.layers import sinusoidal_table
from zoo.tokenizers.sentencepiece.reversible_escape import ESCAPES

ACTIVATIONS = {
    "relu": common_spec.Activation.RELU,
    "gelu": common_spec.Activation.GELU,
    "gelu_approximate": common_spec.Activation.GELUTanh,
    "swish": common_spec.Activation.SWISH,
}


def convert(model, source_tokenizer, target_tokenizer, directory):
    """Writes `directory`, which `ctranslate2.Translator` reads, and the tokenizers that `ctranslate2_text` needs.

    Args:
        model: Built `zoo.models.EncoderDecoder` of float32 weights.
        source_tokenizer, target_tokenizer: Its `SentencePieceTokenizer`s; their pieces become the vocabularies.
        directory: Path of the folder to make; what it holds of the same names is replaced.
    """
    config = model.get_config()
    spec = TransformerSpec.from_config(
        (config["num_encoder_layers"], config["num_decoder_layers"]),
        config["num_heads"],
        pre_norm=config["norm"] == "pre",
        activation=ACTIVATIONS[config["activation"]],
    )
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = target_tokenizer.id_to_token(
        [target_tokenizer.bos_id, target_tokenizer.eos_id, target_tokenizer.unk_id]
    )
    spec.config.decoder_start_token = spec.config.bos_token
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = config["layer_norm_epsilon"]
    spec.register_source_vocabulary(source_tokenizer.id_to_token(range(source_tokenizer.vocabulary_size)))
    spec.register_target_vocabulary(target_tokenizer.id_to_token(range(target_tokenizer.vocabulary_size)))

    spec.encoder.embeddings[0].weight = _array(model.source_embedding.embeddings)
    spec.decoder.embeddings.weight = _array(model.target_embedding.embeddings)
    spec.decoder.projection.weight = _array(model.output_embedding.embeddings)
    spec.encoder.position_encodings.encodings = _positions(model.source_positions, config)
    spec.decoder.position_encodings.encodings = _positions(model.target_positions, config)
    for layer, block in zip(spec.encoder.layer, model.encoder_blocks, strict=True):
        _self_attention(layer.self_attention, block)
        _feed_forward(layer.ffn, block)
    for layer, block in zip(spec.decoder.layer, model.decoder_blocks, strict=True):
        _self_attention(layer.self_attention, block)
        _cross_attention(layer.attention, block)
        _feed_forward(layer.ffn, block)
    if config["norm"] == "pre":
        _norm(spec.encoder.layer_norm, model.encoder_norm)
        _norm(spec.decoder.layer_norm, model.decoder_norm)

    spec.validate()
    spec.optimize()
    directory.mkdir(parents=True, exist_ok=True)
    spec.save(str(directory))
    for side, tokenizer in (("source", source_tokenizer), ("target", target_tokenizer)):
        (directory / f"{side}.sentencepiece.model").write_bytes(tokenizer.model)
    escapes = ESCAPES if source_tokenizer.escaped else ()
    (directory / "escapes.json").write_text(json.dumps(escapes), encoding="utf-8")


def aligned_options(settings, num_beams):
    """Options of `translate_batch` under which its search is defined as `zoo.generation`'s is.

    The end token counts as part of a hypothesis's length only if it is returned; by default the first token may not be
    the end token. Not to be had: GNMT length penalty, limits that depend on the row, and minimum lengths and blocked
    n-grams that leave the other tokens' probabilities as they are (CTranslate2 renormalises).

    Args:
        settings: `zoo.tasks.TranslationSettings`.
        num_beams: Beams of the search.
    """
    return dict(
        beam_size=num_beams,
        length_penalty=settings.length_penalty,
        max_decoding_length=settings.max_new_tokens,
        min_decoding_length=0,
        max_input_length=settings.max_source_length,
        return_end_token=True,
        return_scores=True,
    )


def _array(variable):
    return np.ascontiguousarray(np.asarray(variable, np.float32))


def _positions(layer, config):
    if config["positions"] == "learned":
        return _array(layer.table)
    return sinusoidal_table(config["max_sequence_length"], config["hidden_dim"])


def _linear(spec, *layers):
    """One product for several `Dense` layers side by side; CTranslate2 keeps matrices as [out, in]."""
    spec.weight = np.ascontiguousarray(np.concatenate([np.asarray(layer.kernel, np.float32).T for layer in layers]))
    spec.bias = np.concatenate([_array(layer.bias) for layer in layers])


def _norm(spec, layer):
    spec.gamma, spec.beta = _array(layer.gamma), _array(layer.beta)


def _self_attention(spec, block):
    attention = block.self_attention
    _linear(spec.linear[0], attention.query, attention.key, attention.value)
    _linear(spec.linear[1], attention.output_projection)
    _norm(spec.layer_norm, block.self_attention_norm)


def _cross_attention(spec, block):
    attention = block.cross_attention
    _linear(spec.linear[0], attention.query)
    _linear(spec.linear[1], attention.key, attention.value)
    _linear(spec.linear[2], attention.output_projection)
    _norm(spec.layer_norm, block.cross_attention_norm)


def _feed_forward(spec, block):
    _linear(spec.linear_0, block.feed_forward.up_projection)
    _linear(spec.linear_1, block.feed_forward.down_projection)
    _norm(spec.layer_norm, block.feed_forward_norm)
