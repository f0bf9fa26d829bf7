"""Trains a language model on raw text."""

from recipes.language_modeling.config import check_data_options
from recipes.language_modeling.new_model import new_model
from recipes.skeleton.recipe import Recipe
from recipes.skeleton.run_plan import UpdatesByData
from recipes.vocabularies.added_tokens import add_to_pretrained, add_to_tokenizer, without_added_tokens
from recipes.vocabularies.kept_tokenizers import kept_tokenizer
from recipes.vocabularies.trained_size import MOST_TOKENS
from zoo.data import ExactDocuments, TokenBlocks, open_dataset
from zoo.errors import UserError
from zoo.evaluate.perplexity import encode_documents, measure_perplexity
from zoo.generation import Sampling
from zoo.tasks import GenerationSettings, TextGenerator, load
from zoo.tokenizers import BytePairTokenizer
from zoo.training import CosineDecay, TextSamples, TokenCrossEntropy, WarmupStableDecay, matrices_of_blocks

NUM_BYTES = 256
_EXAMPLES = 50
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
        generator = load_generator(config)
        return add_to_pretrained(generator.model, generator.tokenizer, config.add_token)
    tokenizer = make_tokenizer(config, train_text, resumed)
    return new_model(config, tokenizer.vocabulary_size, train_text), tokenizer


def load_generator(config):
    """The `TextGenerator` that `--pretrained` names.

    Raises:
        UserError: for another task, and a model of fewer positions than --context.
    """
    generator = load(config.pretrained, dtype=config.precision)
    if not isinstance(generator, TextGenerator):
        raise UserError(f"{config.pretrained} holds a {type(generator).__name__}, which is no language model")
    positions = generator.model.max_sequence_length
    if config.context > positions:
        raise UserError(f"--context {config.context} is more than the {positions} positions of {config.pretrained}")
    return generator


def make_tokenizer(config, text, resumed):
    """The tokenizer of a new model; that of a run which goes on."""
    if kept := kept_tokenizer(config, "tokenizer", resumed):
        return kept
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


def example_prompts(documents):
    """Beginnings of lines of text, to verify exports with."""
    lines = (line for text in documents for line in text.splitlines() if len(line.split()) > 2)
    return [line[:_EXAMPLE_CHARACTERS].rstrip() for line, _ in zip(lines, range(_EXAMPLES), strict=False)]


class LanguageModeling(Recipe):
    """The next token of raw text, in blocks of it, with a GPT-2 or Llama."""

    name = "language_modeling"
    architecture = "language model"
    updates = UpdatesByData(passes=20, least=300, most=50_000)
    speed = "tokens_per_second"
    leaves = "preset, learning curve and samples"

    def open_data(self):
        """Documents to train on and to validate with."""
        self.texts, self.names = open_texts(self.config)

    def start(self):
        """The model, new or pretrained."""
        model, tokenizer = start_model(self.config, self.texts[0], self.resumed)
        self.architecture = type(model).__name__
        return model, (tokenizer,)

    def batches(self):
        """Blocks of tokens, from the beginning of the text to its end."""
        (tokenizer,) = self.tokenizers
        self.documents = [encode_documents(tokenizer, text) for text in self.texts]
        self.blocks = [
            make_batches(self.config, documents, tokenizer, training=training)
            for documents, training in zip(self.documents, (True, False), strict=True)
        ]
        return self.blocks

    def loss(self):
        """Cross-entropy, with the z-loss that is asked for."""
        return TokenCrossEntropy(z_loss=self.config.z_loss)

    def optimizer(self):
        """AdamW or Muon, whose rate rises linearly, then falls to the final one."""
        config, plan = self.config, self.plan
        schedule = {"cosine": CosineDecay, "wsd": WarmupStableDecay}[config.schedule]
        final_fraction = config.final_learning_rate / config.learning_rate
        return {
            "name": config.optimizer,
            "schedule": schedule(
                config.learning_rate, plan.warmup_steps, plan.total_steps, final_fraction=final_fraction
            ),
            "beta_2": config.beta_2,
            "epsilon": 1e-8,
            "ema_momentum": config.ema_momentum,
            **({"matrices": matrices_of_blocks(self.model)} if config.optimizer == "muon" else {}),
        }

    def data_lines(self):
        """Tokens and documents of both texts."""
        for name, blocks in zip(self.names, self.blocks, strict=True):
            yield (
                f"{name}: {blocks.num_tokens:,} tokens, {blocks.num_documents:,} documents, "
                f"{blocks.num_batches():,} batches"
            )

    def trains_vocabulary(self):
        """Whether byte pairs are trained; single bytes need no training."""
        return super().trains_vocabulary() and self.config.vocabulary_type == "bpe"

    def make_task(self, model, examples=()):
        """The generator, which draws from the nucleus."""
        config = self.config
        settings = GenerationSettings(
            Sampling(temperature=config.temperature, top_p=config.top_p, seed=config.seed),
            max_new_tokens=min(config.sample_tokens, model.max_sequence_length - 1),
            begin_token=True,
        )
        return TextGenerator(model, self.tokenizers[0], settings, examples)

    def callbacks(self):
        """Samples of text while it trains."""
        return [TextSamples(self.task, self.config.sample_prompts)]

    def examples(self):
        """Beginnings of lines of the validation text."""
        return example_prompts(self.texts[1])

    def evaluate(self):
        """Perplexity of the validation text, in blocks and, each document by itself, in windows that overlap."""
        config, model = self.config, self.task.model
        self.perplexity = measure_perplexity(
            model,
            self.documents[1],
            sum(len(text.encode()) for text in self.texts[1]),
            begin_id=self.tokenizers[0].eos_id,
            context=config.context,
            stride=config.stride or config.context // 2,
            batch_size=config.batch_size,
        )
        return {
            "split": "validation",
            "documents": self.blocks[1].num_documents,
            "blocks": self.validation.evaluate(model),
            "perplexity": self.perplexity.to_dict(),
        }

    def report(self, results):
        """Prints the scores and a few samples of text."""
        perplexity, prompts = self.perplexity, list(self.config.sample_prompts)
        self.say(f"validation in blocks of {self.config.context}: nll {results['blocks']['nll']:.4f}")
        self.say(
            f"in windows of {perplexity.block_length} that move on by {perplexity.stride}: nll {perplexity.nll:.4f}, "
            f"perplexity {perplexity.per_token:.2f} per token, {perplexity.bits_per_byte:.4f} bits per byte"
        )
        for prompt, text in zip(prompts, self.task(prompts), strict=True):
            self.say(f"--- {prompt or '(from the beginning)'}")
            self.say(text)
