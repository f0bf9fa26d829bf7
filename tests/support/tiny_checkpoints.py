"""Hugging Face directories of tiny random Marian and BART models and their tokenizers."""

import random

import marian_files
import tokenizers
import torch
import transformers

WORDS = [
    "the",
    "a",
    "man",
    "rides",
    "horse",
    "two",
    "dogs",
    "run",
    "through",
    "snow",
    "deep",
    "and",
    "play",
    "small",
    "in",
]
TARGET_WORDS = ["das", "Pferd", "größer", "ein", "Hund", "läuft", "durch", "Schnee", "tief", "und", "spielt", "weiß"]
SIZES = dict(
    d_model=24,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=2,
    encoder_ffn_dim=40,
    decoder_ffn_dim=48,
    max_position_embeddings=48,
)


def sentences(count, words=WORDS, seed=1):
    """Random sentences of one to nine words."""
    generator = random.Random(seed)
    return [" ".join(generator.choices(words, k=generator.randrange(1, 10))) + "." for _ in range(count)]


def randomise(model, layers, bias, end_bias):
    """Noise large enough for choices to be clear, and an end token that comes now and then."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            if weight.requires_grad and weight.ndim == 2:
                scale = 0.5 if "shared" in path or "embed" in path else layers
                weight.copy_(scale * torch.randn(weight.shape, generator=generator))
        model.final_logits_bias.copy_(bias * torch.randn(model.final_logits_bias.shape, generator=generator))
        model.final_logits_bias[0, model.config.eos_token_id] = end_bias
    return model.eval()


def write_marian(directory, *, joint=True, **generation):
    """A model with settings as Helsinki-NLP's models have them.

    Returns:
        transformers' model and tokenizer.
    """
    source = marian_files.spm(sentences(400), 90)
    target = marian_files.spm(sentences(400, TARGET_WORDS), 110)
    vocabularies = marian_files.write(directory, source, target, joint=joint)
    sizes = dict(vocab_size=len(vocabularies[0]), decoder_vocab_size=len(vocabularies[1]))
    pad_id = vocabularies[0].index("<pad>")
    config = transformers.MarianConfig(
        **sizes,
        **SIZES,
        share_encoder_decoder_embeddings=joint,
        scale_embedding=True,
        activation_function="swish",
        pad_token_id=pad_id,
        decoder_start_token_id=pad_id,
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    model = randomise(transformers.MarianMTModel(config), layers=0.5, bias=1.5, end_bias=2.0)
    settings = dict(
        num_beams=4, max_length=24, bad_words_ids=[[pad_id]], renormalize_logits=True, forced_eos_token_id=0
    )
    return save(model, directory, {**settings, **generation}), transformers.MarianTokenizer.from_pretrained(directory)


def write_bart(directory, *, form="vocab.json", **generation):
    """A model with settings as facebook/bart-large-cnn has them.

    Returns:
        transformers' model and tokenizer.
    """
    directory.mkdir(parents=True, exist_ok=True)
    trained = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained.train_from_iterator(sentences(400), vocab_size=330, min_frequency=1, special_tokens=special)
    trained.save_model(str(directory))
    tokenizer = transformers.BartTokenizer.from_pretrained(directory)
    if form == "tokenizer.json":
        tokenizer.save_pretrained(directory)
        for name in ("vocab.json", "merges.txt"):
            (directory / name).unlink(missing_ok=True)
    config = transformers.BartConfig(vocab_size=trained.get_vocab_size(), **SIZES)
    model = randomise(transformers.BartForConditionalGeneration(config), layers=0.35, bias=0.5, end_bias=3.0)
    settings = dict(
        num_beams=4,
        max_length=24,
        min_length=6,
        length_penalty=2.0,
        no_repeat_ngram_size=3,
        early_stopping=True,
        forced_bos_token_id=0,
        forced_eos_token_id=2,
    )
    return save(model, directory, {**settings, **generation}), tokenizer


def save(model, directory, settings):
    for name, value in settings.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(directory)
    return model


def answers_of_transformers(model, tokenizer, texts, **options):
    """Texts by `generate`, with the directory's settings but for the options."""
    inputs = tokenizer(texts, return_tensors="pt", padding=True)
    with torch.no_grad():
        found = model.generate(**inputs, **options)
    return tokenizer.batch_decode(found, skip_special_tokens=True)
