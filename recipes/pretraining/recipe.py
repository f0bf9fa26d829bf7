"""Pretrains an encoder on raw text as a masked language model."""

import re
from collections import Counter

import keras
import numpy as np
from rich.console import Console

from recipes.encoders.fine_tuning import TOKENIZER, train_wordpiece
from recipes.pretraining.config import check_data_options
from recipes.skeleton.results import print_ending, training_facts, write_results
from recipes.skeleton.run_plan import plan_updates, say_plan
from recipes.skeleton.train_and_average import train_and_average
from recipes.vocabularies.added_tokens import add_to_pretrained, add_to_tokenizer, say_added_tokens
from recipes.vocabularies.trained_size import say_vocabulary
from zoo.checkpoints.foreign_model import LANGUAGE_MODELS
from zoo.checkpoints.hugging_face import DirectoryFiles, is_hugging_face, load_hugging_face
from zoo.checkpoints.hugging_face.configuration import Configuration
from zoo.data import (
    DocumentBlocks,
    LineRows,
    MaskedBatches,
    SentencePairs,
    TextDocuments,
    TokenizedDocuments,
    TokenMasking,
)
from zoo.errors import UserError
from zoo.models import ENCODER_SIZES, Encoder, MaskedTokenPredictor
from zoo.tasks import FillSettings, MaskedLanguageModel, load, load_pretrained_encoder
from zoo.tokenizers import WordPieceTokenizer
from zoo.tokenizers import load as load_tokenizer
from zoo.training import (
    LinearDecay,
    RunClaim,
    TokenAccuracy,
    TokenCrossEntropy,
    TokenNegativeLogLikelihood,
    Validation,
    build_optimizer,
)
from zoo.training.runs.run_directory import check_run_directory
from zoo.weights import with_dtype, with_new_tokens

METRIC = "val_nll"
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_VALIDATION_SEED = 0
_EXAMPLES = 200


def make_encoder(config, text, resumed):
    """The encoder to start from and its tokenizer, which reads no special tokens from text."""
    if config.pretrained is not None:
        encoder, tokenizer = load_pretrained_encoder(
            config.pretrained, pooler=config.next_sentence, dtype=config.precision
        )
        if config.sequence_length > encoder.max_sequence_length:
            raise UserError(
                f"--sequence-length {config.sequence_length} is more than the {encoder.max_sequence_length} positions "
                f"of {config.pretrained}"
            )
        if config.next_sentence and encoder.num_segments < 2:
            raise UserError(f"{config.pretrained} has no vectors of segments, which --next-sentence needs")
        return add_to_pretrained(encoder, check_tokenizer(tokenizer, config.pretrained), config.add_token)
    tokenizer = make_tokenizer(config, text, resumed)
    rates = {} if config.dropout is None else {"dropout": config.dropout, "attention_dropout": config.dropout}
    encoder = Encoder(
        tokenizer.vocabulary_size,
        **ENCODER_SIZES[config.size],
        **rates,
        max_sequence_length=config.max_positions or config.sequence_length,
        pooler=config.next_sentence,
        dtype=config.precision,
    )
    return encoder, tokenizer


def make_tokenizer(config, text, resumed):
    """The tokenizer of a new encoder; that of a run which goes on."""
    directory = config.directory / TOKENIZER
    if resumed and (directory / "tokenizer.json").is_file():
        return load_tokenizer(directory).reading_from_text(())
    if config.vocabulary is not None:
        tokenizer = WordPieceTokenizer.from_vocabulary_file(config.vocabulary, lowercase=config.lowercase)
        return add_to_tokenizer(check_tokenizer(tokenizer, config.vocabulary), config.add_token)
    return train_wordpiece(config, text.lines())


def check_tokenizer(tokenizer, source):
    """The tokenizer, if it has every special token."""
    missing = [token for token in SPECIAL_TOKENS if token not in tokenizer.vocabulary]
    if missing:
        raise UserError(f"{source}: the vocabulary has no {', '.join(missing)}, which masked language modelling needs")
    return tokenizer


def stored_predictor(directory):
    """The masked language model in a directory, whose head goes on; None if it holds another model."""
    files = DirectoryFiles(directory)
    if is_hugging_face(files):
        is_one = Configuration.read(files).kind in LANGUAGE_MODELS
        return load_hugging_face(files).model if is_one else None
    model = load(directory).model
    return model if isinstance(model, MaskedTokenPredictor) else None


def make_model(config, encoder, tokenizer):
    """The model to train and a word on where its head is from."""
    stored = None if config.pretrained is None else stored_predictor(config.pretrained)
    activation = None if stored is None else stored.activation_name
    model = MaskedTokenPredictor(encoder, config.next_sentence, activation)
    model.build()
    if stored is None:
        return model, "new head"
    if config.add_token:
        count = len(config.add_token)
        stored = with_new_tokens(stored, tokenizer.vocabulary_size - count, count)
    model.token_head.set_weights(stored.token_head.get_weights())
    if model.next_sentence_head is None:
        return model, "stored head"
    if stored.next_sentence_head is None:
        return model, "stored head for tokens, new one for next sentences"
    model.next_sentence_head.set_weights(stored.next_sentence_head.get_weights())
    return model, "stored heads"


def make_batches(config, documents, tokenizer, *, training):
    """Batches of `TokenizedDocuments`; those of validation are the same in every epoch and every run."""
    ids = dict(bos_id=tokenizer.bos_id, eos_id=tokenizer.eos_id, pad_id=tokenizer.pad_id)
    make_rows = SentencePairs if config.next_sentence else DocumentBlocks
    if config.line_by_line:
        make_rows = LineRows
    masking = TokenMasking(
        mask_id=tokenizer.mask_id,
        special_ids=[tokenizer.token_to_id(token) for token in SPECIAL_TOKENS],
        vocabulary_size=tokenizer.vocabulary_size,
        share=config.masked_share,
        whole_words=config.whole_words,
    )
    return MaskedBatches(
        make_rows(documents, sequence_length=config.sequence_length, **ids),
        masking,
        batch_size=config.batch_size,
        seed=config.seed if training else _VALIDATION_SEED,
        shuffle=training,
    )


def metrics(config):
    """What validation measures."""
    of_tokens = [TokenNegativeLogLikelihood(), TokenAccuracy()]
    if not config.next_sentence:
        return of_tokens
    return {"token_logits": of_tokens, "next_sentence_logits": [TokenAccuracy(name="next_sentence_accuracy")]}


def compile_model(model, config):
    """Compiles a built model with optimiser and loss, of two outputs the sum of both."""
    outputs = ("token_logits", "next_sentence_logits")
    model.compile(
        optimizer=build_optimizer(
            "adamw",
            LinearDecay(config.learning_rate, config.warmup_steps, config.total_steps + 1),
            beta_2=config.beta_2,
            epsilon=1e-6,
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
            loss_scaling=config.precision == "mixed_float16",
            ema_momentum=config.ema_momentum,
        ),
        loss={name: TokenCrossEntropy() for name in outputs} if config.next_sentence else TokenCrossEntropy(),
        jit_compile=True if config.jit_compile else ("auto" if keras.config.backend() == "jax" else False),
    )


def with_blank(line):
    """The line with the middle one of its words replaced by [MASK]; None for fewer than four words."""
    words = list(re.finditer(r"[^\W\d_]+", line))
    if len(words) < 4:
        return None
    word = words[len(words) // 2]
    return line[: word.start()] + "[MASK]" + line[word.end() :]


def constant_nll(batches):
    """-log p per masked token of the best prediction that is the same at every place: the entropy of the labels."""
    counts = Counter()
    for _, labels, weights in batches:
        if isinstance(labels, dict):
            labels, weights = labels["token_logits"], weights["token_logits"]
        counts.update(labels[weights > 0].tolist())
    p = np.array(list(counts.values())) / counts.total()
    return float(-(p * np.log(p)).sum())


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    check_data_options(config)
    resumed = check_run_directory(config, recipe="pretraining")
    devices = config.devices.open()
    keras.utils.set_random_seed(config.seed)
    texts = [TextDocuments(paths) for paths in (config.train, config.validation)]
    with devices.scope():
        encoder, tokenizer = make_encoder(config, texts[0], resumed)
        model, head = make_model(config, encoder, tokenizer)
    train_documents, validation_documents = (
        TokenizedDocuments.encode(text, tokenizer.tokenize_with_offsets, text.name) for text in texts
    )
    train_batches = make_batches(config, train_documents, tokenizer, training=True)
    validation_batches = list(make_batches(config, validation_documents, tokenizer, training=False).epoch(0))
    given = config
    config = plan_updates(config, train_batches.num_batches(), passes=40, least=500, most=100_000)
    with devices.scope():
        compile_model(model, config)
    console.print(
        f"{len(train_documents.tokens):,} training tokens in {len(train_documents):,} documents; "
        f"{train_batches.num_batches():,} batches an epoch, {train_batches.padding_share():.1%} padding",
        highlight=False,
    )
    console.print(
        f"encoder with {encoder.count_params():,} parameters, {tokenizer.vocabulary_size:,} tokens, {head}; "
        f"{keras.config.backend()} backend"
    )
    if config.vocabulary is None:
        say_vocabulary(console, config, tokenizer)
    say_added_tokens(console, tokenizer, config.add_token)
    say_plan(console, config.total_steps, train_batches.num_batches(), config.max_minutes)

    validation = Validation(validation_batches, metrics=metrics(config))
    claim = RunClaim(given, "pretraining", {TOKENIZER: tokenizer})
    result, checkpoints = train_and_average(
        config, model, train_batches, validation, metric=METRIC, mode="min", claim=claim
    )

    final = model if config.precision == "float32" else with_dtype(model, "float32")
    final.jit_compile = model.jit_compile
    blanks = [blank for line in texts[1].lines() if (blank := with_blank(line))]
    settings = FillSettings(max_source_length=min(config.sequence_length, FillSettings.max_source_length))
    task = MaskedLanguageModel(final, tokenizer.reading_from_text(("[MASK]",)), settings, blanks[:_EXAMPLES])
    task.save(config.directory)
    results = {
        "split": "validation",
        "documents": len(validation_documents),
        "tokens": len(validation_documents.tokens),
        "scores": validation.evaluate(final),
        "constant_nll": constant_nll(validation_batches),
        **training_facts(final, result, checkpoints),
    }
    write_results(config.directory, results)
    report(console, results, task, config.directory)
    return results


def report(console, results, task, directory):
    """Prints the scores and the filled blanks of a few texts."""
    shown = "  ".join(f"{name} {value:.4f}" for name, value in results["scores"].items())
    console.print(f"validation: {shown}", highlight=False, soft_wrap=True)
    console.print(f"the best constant prediction: nll {results['constant_nll']:.4f}", highlight=False)
    for text in task.examples[:: max(1, len(task.examples) // 5)][:5]:
        console.print(f"  {text}", markup=False, highlight=False)
        for blank in task(text):
            candidates = "  ".join(f"{each['token']} ({each['score']:.2f})" for each in blank)
            console.print(f"    {candidates}", markup=False, highlight=False)
    print_ending(console, results, directory, "preset and learning curve")
