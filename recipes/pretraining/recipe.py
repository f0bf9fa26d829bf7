"""Pretrains an encoder on raw text as a masked language model."""

import functools
import re
from collections import Counter

import numpy as np

from recipes.encoders.starting_encoder import train_wordpiece
from recipes.pretraining.config import check_data_options
from recipes.skeleton.recipe import Recipe
from recipes.skeleton.run_plan import UpdatesByData
from recipes.skeleton.run_recipe import run_recipe
from recipes.vocabularies.added_tokens import add_to_pretrained, add_to_tokenizer
from recipes.vocabularies.kept_tokenizers import kept_tokenizer
from zoo.architectures.encoder_architecture import LANGUAGE_MODELS
from zoo.checkpoints.hugging_face import DirectoryFiles, is_hugging_face, load_hugging_face
from zoo.checkpoints.hugging_face.reading import named_kind
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
from zoo.models import Encoder, MaskedTokenPredictor
from zoo.tasks import FillSettings, MaskedLanguageModel, load, load_pretrained_encoder
from zoo.tokenizers import WordPieceTokenizer
from zoo.training import LinearDecay, TokenAccuracy, TokenCrossEntropy, TokenNegativeLogLikelihood
from zoo.weights import with_new_tokens

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
        **Encoder.sizes[config.size],
        **rates,
        max_sequence_length=config.max_positions or config.sequence_length,
        pooler=config.next_sentence,
        dtype=config.precision,
    )
    return encoder, tokenizer


def make_tokenizer(config, text, resumed):
    """The tokenizer of a new encoder; that of a run which goes on."""
    if kept := kept_tokenizer(config, "tokenizer", resumed):
        return kept.reading_from_text(())
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
        return load_hugging_face(files).model if named_kind(files) in LANGUAGE_MODELS else None
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


class Pretraining(Recipe):
    """Masked tokens of raw text and, if asked for, whether one text follows another, with an encoder."""

    name = "pretraining"
    updates = UpdatesByData(passes=40, least=500, most=100_000)

    def open_data(self):
        """Documents of lines."""
        check_data_options(self.config)
        self.texts = [TextDocuments(paths) for paths in (self.config.train, self.config.validation)]

    def start(self):
        """An encoder, new or pretrained, with the head that predicts tokens."""
        encoder, tokenizer = make_encoder(self.config, self.texts[0], self.resumed)
        model, self.head = make_model(self.config, encoder, tokenizer)
        return model, (tokenizer,)

    def batches(self):
        """Rows with masks, which in training are other ones in each epoch."""
        (tokenizer,) = self.tokenizers
        self.documents = [
            TokenizedDocuments.encode(text, tokenizer.tokenize_with_offsets, text.name) for text in self.texts
        ]
        train, validation = self.documents
        return (
            make_batches(self.config, train, tokenizer, training=True),
            make_batches(self.config, validation, tokenizer, training=False),
        )

    def loss(self):
        """Cross-entropy of the masked tokens; of two outputs the sum of both."""
        if not self.config.next_sentence:
            return super().loss()
        return {name: TokenCrossEntropy() for name in ("token_logits", "next_sentence_logits")}

    def optimizer(self):
        """AdamW, whose rate rises linearly, then falls linearly to 0."""
        config, plan = self.config, self.plan
        return {
            "name": "adamw",
            "schedule": LinearDecay(config.learning_rate, plan.warmup_steps, plan.total_steps + 1),
            "beta_2": config.beta_2,
            "epsilon": 1e-6,
            "ema_momentum": config.ema_momentum,
        }

    def data_lines(self):
        """Tokens and documents to train on."""
        train = self.documents[0]
        yield (
            f"{len(train.tokens):,} training tokens in {len(train):,} documents; "
            f"{self.train_batches.padding_share():.1%} padding"
        )

    def counted(self):
        """The encoder."""
        return self.model.encoder

    def model_line(self):
        """What to say about the model and where its head is from."""
        return f"{super().model_line()}, {self.head}"

    def trains_vocabulary(self):
        """Whether no vocabulary was given."""
        return super().trains_vocabulary() and self.config.vocabulary is None

    def make_task(self, model, examples=()):
        """The preset that fills blanks, and alone reads [MASK] from text."""
        settings = FillSettings(max_source_length=min(self.config.sequence_length, FillSettings.max_source_length))
        return MaskedLanguageModel(model, self.tokenizers[0].reading_from_text(("[MASK]",)), settings, examples)

    def validation_metrics(self):
        """Negative log-likelihood and accuracy of masked tokens, and accuracy of next sentences."""
        of_tokens = [TokenNegativeLogLikelihood(), TokenAccuracy()]
        if not self.config.next_sentence:
            return of_tokens
        return {"token_logits": of_tokens, "next_sentence_logits": [TokenAccuracy(name="next_sentence_accuracy")]}

    def examples(self):
        """Lines of the validation text with a blank."""
        return [blank for line in self.texts[1].lines() if (blank := with_blank(line))][:_EXAMPLES]

    def evaluate(self):
        """The metrics of validation, beside those of the best constant prediction."""
        validation = self.documents[1]
        return {
            "split": "validation",
            "documents": len(validation),
            "tokens": len(validation.tokens),
            "scores": self.validation.evaluate(self.task.model),
            "constant_nll": constant_nll(self.validation_batches),
        }

    def report(self, results):
        """Prints the scores and the filled blanks of a few texts."""
        self.say("validation: " + "  ".join(f"{name} {value:.4f}" for name, value in results["scores"].items()))
        self.say(f"the best constant prediction: nll {results['constant_nll']:.4f}")
        examples = self.task.examples
        for text in examples[:: max(1, len(examples) // 5)][:5]:
            self.say(f"  {text}")
            for blank in self.task(text):
                self.say("    " + "  ".join(f"{each['token']} ({each['score']:.2f})" for each in blank))


run = functools.partial(run_recipe, Pretraining)
