"""Trains a language model on raw text."""

import keras
from rich.console import Console

from recipes.encoders.fine_tuning import TOKENIZER
from recipes.language_modeling.config import check_data_options
from recipes.skeleton.results import print_ending, training_facts, write_results
from recipes.skeleton.run_plan import plan_updates, say_plan
from recipes.skeleton.train_and_average import train_and_average
from recipes.vocabularies.added_tokens import (
    add_to_pretrained,
    add_to_tokenizer,
    say_added_tokens,
    without_added_tokens,
)
from recipes.vocabularies.trained_size import MOST_TOKENS, say_vocabulary
from zoo.data import ExactDocuments, TokenBlocks, open_dataset
from zoo.errors import UserError
from zoo.evaluate.perplexity import encode_documents, measure_perplexity
from zoo.models import GPT2
from zoo.models.sizes import GPT2_SIZES
from zoo.tasks import GenerationSettings, TextGenerator, load
from zoo.tokenizers import BytePairTokenizer
from zoo.tokenizers import load as load_tokenizer
from zoo.training import (
    CosineDecay,
    RunClaim,
    TextSamples,
    TokenCrossEntropy,
    Validation,
    build_optimizer,
)
from zoo.training.runs.run_directory import check_run_directory
from zoo.weights import with_dtype

METRIC = "val_nll"
NUM_BYTES = 256
_EXAMPLES = 50
# Characters from which on GPT-2's own sizes are worth their time, and what is trained on less.
_MUCH_TEXT = 100_000_000
_LITTLE_TEXT_SIZE = dict(num_layers=4, hidden_dim=256, intermediate_dim=1024, num_heads=4)
_EXAMPLE_CHARACTERS = 80


def open_texts(config):
    """Training and validation documents, re-iterables of str, and what to call them."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, task="language modelling")
        return (splits.train, splits.validation), (f"{config.dataset}, training", f"{config.dataset}, validation")
    separator = config.document_separator
    if separator is not None:
        separator = separator.replace("\\n", "\n").replace("\\t", "\t")
    texts = tuple(ExactDocuments(paths, separator, config.text_field) for paths in (config.train, config.validation))
    return texts, tuple(text.name for text in texts)


def start_model(config, train_text, resumed):
    """The model to train and its tokenizer."""
    if config.pretrained is not None:
        generator = load(config.pretrained, dtype=config.precision)
        if not isinstance(generator, TextGenerator):
            raise UserError(f"{config.pretrained} holds a {type(generator).__name__}, which is no language model")
        positions = generator.model.max_sequence_length
        if config.context > positions:
            raise UserError(f"--context {config.context} is more than the {positions} positions of {config.pretrained}")
        return add_to_pretrained(generator.model, generator.tokenizer, config.add_token)
    tokenizer = make_tokenizer(config, train_text, resumed)
    size = dict(
        _LITTLE_TEXT_SIZE if config.size is None and _is_little(train_text) else GPT2_SIZES[config.size or "small"]
    )
    size.update({name: value for name in ("num_layers", "num_heads") if (value := getattr(config, name)) is not None})
    if config.hidden_dim is not None:
        size.update(hidden_dim=config.hidden_dim, intermediate_dim=4 * config.hidden_dim)
    rates = {} if config.dropout is None else {"dropout": config.dropout, "attention_dropout": config.dropout}
    model = GPT2(
        tokenizer.vocabulary_size,
        **size,
        **rates,
        max_sequence_length=config.max_positions or config.context,
        dtype=config.precision,
    )
    model.build()
    return model, tokenizer


def _is_little(text):
    """Whether a text, an iterable of documents, is too short for GPT-2's own sizes."""
    characters = 0
    for document in text:
        characters += len(document)
        if characters >= _MUCH_TEXT:
            return False
    return True


def make_tokenizer(config, text, resumed):
    """The tokenizer of a new model; that of a run which goes on."""
    directory = config.directory / TOKENIZER
    if resumed and (directory / "tokenizer.json").is_file():
        return load_tokenizer(directory)
    size = config.vocabulary_size
    if config.vocabulary_type == "bytes":
        tokenizer = BytePairTokenizer.train(text, NUM_BYTES + 1)  # and the end token
    else:
        text = without_added_tokens(text, config.add_token)
        tokenizer = BytePairTokenizer.train(text, size or MOST_TOKENS, lower_to_fit=size is None)
    return add_to_tokenizer(tokenizer, config.add_token, trained=True)


def make_batches(config, documents, tokenizer, *, training):
    """Batches of tokens; those of validation are the same in every epoch and every run."""
    return TokenBlocks(
        documents,
        eos_id=tokenizer.eos_id,
        block_length=config.context,
        batch_size=config.batch_size,
        seed=config.seed,
        shuffle=training,
        document_masks=config.document_masks,
    )


def compile_model(model, config):
    """Compiles a built model with optimiser and loss."""
    final_fraction = config.final_learning_rate / config.learning_rate
    model.compile(
        optimizer=build_optimizer(
            "adamw",
            CosineDecay(config.learning_rate, config.warmup_steps, config.total_steps, final_fraction),
            beta_2=config.beta_2,
            epsilon=1e-8,
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
            loss_scaling=config.precision == "mixed_float16",
            ema_momentum=config.ema_momentum,
        ),
        loss=TokenCrossEntropy(),
        jit_compile=True if config.jit_compile else ("auto" if keras.config.backend() == "jax" else False),
    )


def generation_settings(config, model):
    """How the preset writes text."""
    new = min(config.sample_tokens, model.max_sequence_length - 1)
    return GenerationSettings(
        max_new_tokens=new, temperature=config.temperature, top_p=config.top_p, seed=config.seed, begin_token=True
    )


def validation_perplexity(config, model, documents, texts, tokenizer):
    """`Perplexity` of the validation text, each document by itself, in windows that overlap."""
    return measure_perplexity(
        model,
        documents,
        sum(len(text.encode()) for text in texts),
        begin_id=tokenizer.eos_id,
        context=config.context,
        stride=config.stride or config.context // 2,
        batch_size=config.batch_size,
    )


def example_prompts(documents):
    """Beginnings of lines of text, to verify exports with."""
    lines = (line for text in documents for line in text.splitlines() if len(line.split()) > 2)
    return [line[:_EXAMPLE_CHARACTERS].rstrip() for line, _ in zip(lines, range(_EXAMPLES), strict=False)]


def run(config):
    """Trains, evaluates and saves; returns the results as they are written to results.json."""
    console = Console()
    resumed = check_run_directory(config, recipe="language_modeling")
    devices = config.devices.open()
    keras.utils.set_random_seed(config.seed)
    texts, names = open_texts(config)
    with devices.scope():
        model, tokenizer = start_model(config, texts[0], resumed)
    documents = [encode_documents(tokenizer, text) for text in texts]
    train_batches = make_batches(config, documents[0], tokenizer, training=True)
    validation_batches = make_batches(config, documents[1], tokenizer, training=False)
    given = config
    config = plan_updates(config, train_batches.num_batches(), passes=20, least=300, most=50_000)
    with devices.scope():
        compile_model(model, config)
    for name, batches in zip(names, (train_batches, validation_batches), strict=True):
        console.print(
            f"{name}: {batches.num_tokens:,} tokens, {batches.num_documents:,} documents, "
            f"{batches.num_batches():,} batches an epoch",
            highlight=False,
        )
    console.print(
        f"GPT-2 with {model.count_params():,} parameters, {tokenizer.vocabulary_size:,} tokens; "
        f"{keras.config.backend()} backend"
    )

    if config.vocabulary_type == "bpe":
        say_vocabulary(console, config, tokenizer)
    say_added_tokens(console, tokenizer, config.add_token)
    say_plan(console, config.total_steps, train_batches.num_batches(), config.max_minutes)

    writer = TextGenerator(model, tokenizer, generation_settings(config, model))
    validation = Validation(list(validation_batches.epoch(0)))
    samples = TextSamples(writer, config.sample_prompts)
    claim = RunClaim(given, "language_modeling", {TOKENIZER: tokenizer})
    result, checkpoints = train_and_average(
        config, model, train_batches, validation, metric=METRIC, mode="min", claim=claim, callbacks=[samples]
    )

    final = model if config.precision == "float32" else with_dtype(model, "float32")
    final.jit_compile = model.jit_compile
    task = TextGenerator(final, tokenizer, generation_settings(config, final), example_prompts(texts[1]))
    task.save(config.directory)
    perplexity = validation_perplexity(config, final, documents[1], texts[1], tokenizer)
    results = {
        "split": "validation",
        "documents": validation_batches.num_documents,
        "blocks": validation.evaluate(final),
        "perplexity": perplexity.to_dict(),
        **training_facts(final, result, checkpoints, speed="tokens_per_second"),
    }
    write_results(config.directory, results)
    report(console, results, perplexity, task, config)
    return results


def report(console, results, perplexity, task, config):
    """Prints the scores and a few samples of text."""
    console.print(
        f"validation in blocks of {config.context}: nll {results['blocks']['nll']:.4f}\n"
        f"in windows of {perplexity.block_length} that move on by {perplexity.stride}: nll {perplexity.nll:.4f}, "
        f"perplexity {perplexity.per_token:.2f} per token, {perplexity.bits_per_byte:.4f} bits per byte",
        highlight=False,
    )
    for prompt, text in zip(config.sample_prompts, task(list(config.sample_prompts)), strict=True):
        console.print(f"--- {prompt or '(from the beginning)'}", markup=False, highlight=False)
        console.print(text, markup=False, highlight=False)
    print_ending(console, results, config.directory, "preset, learning curve and samples")
