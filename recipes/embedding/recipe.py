"""Trains, evaluates and saves a text embedder."""

import functools
import itertools
from typing import Any

import keras
import numpy as np
from rich.table import Table

import zoo
from recipes.embedding.config import check_data_options
from recipes.embedding.labelled_texts import LabelledTexts
from recipes.embedding.scored_pairs import ScoredPairs
from recipes.embedding.taught_texts import TaughtTexts
from recipes.embedding.text_tuples import TextTuples, found_in_corpus
from recipes.embedding.vector_spaces import EmbedderSpace, TfidfSpace
from recipes.encoders.fine_tuning import FineTuning
from recipes.encoders.starting_encoder import starting_encoder
from recipes.skeleton.run_recipe import run_recipe
from zoo.data.readers.retrieval_files import read_retrieval
from zoo.errors import UserError
from zoo.models import SentenceEncoder, SentenceTupleEncoder
from zoo.tasks import EmbeddingSettings, TextEmbedder, is_embedder
from zoo.training import (
    CoSENT,
    CosineRegression,
    InBatchNegatives,
    Matryoshka,
    TripletLoss,
    VectorDistillation,
    freeze,
)
from zoo.training.losses.batch_loss_mean import BatchLossMean

SPECIAL_TOKENS = 2
_EXAMPLES = 200
# Training texts that tell the ranges of vectors' entries.
_CALIBRATED = 2000
_NEW = EmbeddingSettings()


def open_data(config):
    """The data of a run, by what the configuration says of its files."""
    check_data_options(config)
    if config.chosen_loss == "distillation":
        return TaughtTexts(config)
    if config.score_column is not None:
        return ScoredPairs(config)
    return TextTuples(config) if config.columns else LabelledTexts(config)


class Embedding(FineTuning):
    """Vectors of texts, made of those of an encoder, by losses that compare the examples of a batch with each other."""

    name = "embedding"
    architecture = "sentence encoder"
    speed = "examples_per_second"

    @property
    def metric(self):
        """That of the kind of data."""
        return self.data.metric

    def open_data(self):
        """Texts with labels, rows of texts, with scores or without, or texts for a teacher."""
        config = self.config
        self.data = open_data(config)
        self.sources = self.data.sources
        self.retrieval = None
        if config.test_corpus is not None:
            self.retrieval = read_retrieval(config.test_queries, config.test_corpus, config.test_qrels)

    def start(self):
        """A pretrained embedder as it is, or an encoder with a pooling; and the tokenizer."""
        config = self.config
        embedder = self._pretrained_embedder(config.precision)
        if embedder is not None:
            sentences, tokenizer, settings = embedder.model, embedder.tokenizer, embedder.settings
        else:
            encoder, tokenizer = starting_encoder(
                config, self.data.texts(), pooler=False, resumed=self.resumed, dropout=config.dropout
            )
            sentences = SentenceEncoder(encoder, poolings=(config.pooling or "mean",), dtype=config.precision)
            settings = _NEW
        model = SentenceTupleEncoder(sentences, self.data.num_texts, dtype=config.precision)
        model.build()
        self._check_dims(sentences.embedding_dim)
        self.settings = self._settings(settings, sentences)
        freeze(model, config.trainable_blocks)
        if model.encoder.pooler is not None:
            # Nothing reads what it gives, so that nothing can be learned about it.
            model.encoder.pooler.trainable = False
        return model, (tokenizer,)

    def _pretrained_embedder(self, dtype):
        """The embedder of --pretrained; None if that is a bare encoder, or nothing."""
        config = self.config
        if config.pretrained is None or not is_embedder(config.pretrained):
            return None
        for name in ("pooling", "add_token"):
            if getattr(config, name):
                raise UserError(
                    f"--{name.replace('_', '-')} is for encoders; {config.pretrained} holds a whole embedder"
                )
        return zoo.load(config.pretrained, dtype)

    def _settings(self, settings, sentences):
        """The task's settings: what texts have before them, and how much of them is read."""
        config = self.config
        prompts, default = settings.prompts, settings.default_prompt
        if config.prompts:
            prompts, default = dict(prompt.split("=", 1) for prompt in config.prompts), ""
        for option, name in (("--query-prompt", config.query_prompt), ("--document-prompt", config.document_prompt)):
            if name and name not in prompts:
                known = ", ".join(prompts) or "none"
                raise UserError(f"{option} {name!r} is not among the prompts, which are {known}")
        return EmbeddingSettings(
            prompts,
            default,
            "cosine",
            max_source_length=min(config.max_source_length, sentences.max_sequence_length),
        )

    def _check_dims(self, width):
        for dim in self.config.matryoshka_dims:
            if dim >= width:
                raise UserError(
                    f"--matryoshka-dims {dim} must be below the vectors' {width} entries, which are kept too"
                )
        taught = getattr(self.data, "embedding_dim", width)
        if taught != width:
            raise UserError(
                f"--teacher {self.config.teacher} gives vectors of {taught} entries, and this embedder of {width}; "
                "they must be the same"
            )

    def batches(self):
        """Beginnings of texts, behind their prompts."""
        config = self.config
        return self.data.batches(
            self._encode,
            pad_id=self.tokenizers[0].pad_id,
            batch_size=config.batch_size,
            max_length=self.settings.max_source_length,
            seed=config.seed,
            fixed_rows=config.jit_compile or keras.config.backend() == "jax",
        )

    def _encode(self, texts, prompt):
        """Rows of tokens, as `TextEmbedder` reads texts."""
        tokenizer, settings = self.tokenizers[0], self.settings
        name = self._prompts[prompt] or settings.default_prompt
        before = settings.prompts.get(name, "")
        tokens = tokenizer.encode([before + text for text in texts])[:, : settings.max_source_length - SPECIAL_TOKENS]
        return [np.array([tokenizer.bos_id, *row, tokenizer.eos_id], np.int32) for row in tokens.to_list()]

    @property
    def _prompts(self):
        return self.config.query_prompt, self.config.document_prompt

    def loss(self):
        """The one asked for, over several widths if asked for."""
        config = self.config
        loss = {
            "in-batch": lambda: InBatchNegatives(config.temperature, config.symmetric),
            "cosent": lambda: CoSENT(config.temperature),
            "cosine": CosineRegression,
            "triplet": lambda: TripletLoss(config.distance, config.margin),
            "distillation": VectorDistillation,
        }[config.chosen_loss]()
        if not config.matryoshka_dims:
            return loss
        return Matryoshka(loss, (self.model.sentence_encoder.embedding_dim, *config.matryoshka_dims))

    def data_lines(self):
        """How the files are read, and how many texts there are."""
        yield from super().data_lines()
        yield from self.data.lines()

    def make_task(self, model, examples=()):
        """The embedder."""
        return TextEmbedder(model.sentence_encoder, self.tokenizers[0], self.settings, examples)

    def validation_score(self):
        """What the kind of data is scored by."""
        return lambda _: self.data.validation_scores(EmbedderSpace(self.task, self._prompts))

    def validation_metrics(self):
        """The loss itself."""
        return [BatchLossMean(self.loss())]

    def examples(self):
        """Validation texts."""
        return self.data.examples()[:_EXAMPLES]

    def final_task(self, model):
        """The embedder, with the ranges of its entries for vectors in 8 bits."""
        texts = list(itertools.islice(self.data.texts(), _CALIBRATED))
        return super().final_task(model).calibrated(texts)

    def evaluate(self):
        """Scores beside those of TF-IDF and of the embedder that training began with."""
        spaces: dict[str, Any] = {} if hasattr(self.data, "embedding_dim") else {"TF-IDF": TfidfSpace()}
        before = self._pretrained_embedder("float32")
        if before is not None:
            before = TextEmbedder(before.model, before.tokenizer, self.settings)
            spaces["before training"] = EmbedderSpace(before, self._prompts)
        spaces["trained"] = EmbedderSpace(self.task, self._prompts)
        for dim in self.config.matryoshka_dims:
            cut = self.task.with_settings(truncate_dim=dim)
            spaces[f"trained, {dim} entries"] = EmbedderSpace(cut, self._prompts)
        scores = {name: self.data.scores(space) for name, space in spaces.items()}
        results = {"scored": self.data.scored, "scores": scores}
        if self.retrieval is not None:
            spaces = {"TF-IDF": TfidfSpace()} | spaces
            found = {name: found_in_corpus(each, self.retrieval) for name, each in spaces.items()}
            results["retrieval"] = {
                "queries": len(self.retrieval.queries),
                "documents": len(self.retrieval.documents),
                "scores": found,
            }
        return results

    def report(self, results):
        """Prints the scores as tables."""
        self.console.print(_table(results["scored"], results["scores"]))
        if "retrieval" in results:
            found = results["retrieval"]
            title = f"{found['queries']:,} queries among {found['documents']:,} documents of --test-corpus"
            self.console.print(_table(title, found["scores"]))


def _table(title, scores):
    """A row for each way to compare texts."""
    table = Table(title=title)
    table.add_column("")
    for name in next(iter(scores.values())):
        table.add_column(name, justify="right")
    for name, row in scores.items():
        table.add_row(name, *(f"{100 * value:.2f}" for value in row.values()))
    return table


run = functools.partial(run_recipe, Embedding)
