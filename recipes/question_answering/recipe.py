"""Trains, evaluates and saves a model that answers questions."""

import functools
from dataclasses import asdict

import numpy as np

from recipes.encoders.fine_tuning import EXAMPLES, FineTuning
from recipes.encoders.token_rows import TokenRowLists
from recipes.skeleton.run_recipe import run_recipe
from zoo.checkpoints.hugging_face.pair_template import template_of
from zoo.data.readers.questions import read_questions
from zoo.errors import UserError
from zoo.evaluate.questions import answered_questions, scores_table
from zoo.models import SpanPredictor
from zoo.tasks import QuestionAnswerer, QuestionAnsweringSettings

# Questions that are tokenised at a time, and of how many contexts one validates.
_PART = 200
_HELD_OUT = 10


def hold_out_contexts(questions):
    """Training and validation questions: those about every tenth context, or about the last of fewer, validate.

    Raises:
        UserError: if all questions are about one context.
    """
    contexts = list(dict.fromkeys(each.context for each in questions))
    if len(contexts) < 2:
        raise UserError("all questions are about one context; give questions about others with --validation")
    held = set(contexts[_HELD_OUT - 1 :: _HELD_OUT] or contexts[-1:])
    return [each for each in questions if each.context not in held], [
        each for each in questions if each.context in held
    ]


class QuestionRows:
    """Windows of contexts as rows of tokens, as the task reads them, with the positions of the answer in each.

    Args:
        questions: list of `Question`; of several right answers the first is learned.
        task: `QuestionAnswerer`.

    Attributes:
        token_ids, segment_ids: lists of int32 arrays.
        positions: int64 [N, 2], where the answer begins and ends; 0 in windows that do not hold all of it.
        question_ids: int64 [N], the question that each window is for.
    """

    def __init__(self, questions, task):
        rows, positions, question_ids = TokenRowLists(), [], []
        for start in range(0, len(questions), _PART):
            part = questions[start : start + _PART]
            encoded = task.encode(*([getattr(each, name) for each in part] for name in task.inputs))
            rows.add(encoded.tensors)
            owners = encoded.kept["rows"].numpy()
            positions.append(_positions(part, encoded.kept, owners))
            question_ids.append(owners.astype(np.int64) + start)
        self.token_ids, self.segment_ids = rows.token_ids, rows.segment_ids
        self.positions, self.question_ids = np.concatenate(positions), np.concatenate(question_ids)


def _positions(questions, kept, owners):
    """Positions of the answers in windows, int64 [N, 2]."""
    tokens, windows = kept["tokens"], kept["windows"]
    splits = tokens.starts.row_splits.numpy()
    starts, ends = tokens.starts.flat_values.numpy(), tokens.ends.flat_values.numpy()
    spans = []
    for place, each in enumerate(questions):
        if not each.answers:
            spans.append((-1, -1))
            continue
        text, start = each.answers[0]
        begin = len(each.context[:start].encode())
        end = begin + len(text.encode())
        row = slice(splits[place], splits[place + 1])
        # Every token that has a part of the answer.
        first = splits[place] + np.searchsorted(ends[row], begin, side="right")
        last = splits[place] + np.searchsorted(starts[row], end, side="left") - 1
        spans.append((first, last) if first <= last else (-1, -1))
    spans = np.array(spans)[owners]
    begin, length = windows.starts.numpy(), windows.lengths.numpy()
    inside = (spans[:, 0] >= begin) & (spans[:, 1] < begin + length)
    found = spans - begin[:, np.newaxis] + kept["first_places"].numpy()[:, np.newaxis]
    return np.where(inside[:, np.newaxis], found, 0).astype(np.int64)


class QuestionAnswering(FineTuning):
    """Where an answer begins and ends in a context, from an encoder that reads question and context in one row."""

    name = "question_answering"
    metric = "val_f1"

    def open_data(self):
        """Questions with their contexts and answers."""
        config = self.config
        config.check_one_training_set("train")
        train = read_questions(config.train)
        validation, test = (None if path is None else read_questions(path) for path in (config.validation, config.test))
        self.sources = train, validation, test
        self.train_texts, self.validation_texts = (
            hold_out_contexts(train) if validation is None else (train, validation)
        )
        if not any(each.answers for each in self.train_texts):
            raise UserError(f"{config.train}: no question has an answer, so that there is nothing to learn")

    def vocabulary_texts(self):
        """Every context once, and the questions."""
        yield from dict.fromkeys(each.context for each in self.train_texts)
        yield from (each.question for each in self.train_texts)

    def make_head(self, encoder, **dropout):
        """Two outputs for every token."""
        return SpanPredictor(encoder, dtype=self.config.precision, **dropout)

    def start(self):
        """The model and its tokenizer."""
        config = self.config
        model, tokenizers = super().start()
        window = min(config.window, model.max_sequence_length)
        self.settings = QuestionAnsweringSettings(
            **template_of(tokenizers[0])._asdict(),
            window=window,
            overlap=min(config.overlap, window // 2),
            max_answer_tokens=config.max_answer_tokens,
            whole_words=config.whole_words,
            no_answer=any(not each.answers for each in self.train_texts),
        )
        return model, tokenizers

    def batches(self):
        """Windows of contexts, each behind its question."""
        task = self.make_task(self.model)
        self.train_rows = QuestionRows(self.train_texts, task)
        validation = QuestionRows(self.validation_texts, task)
        return self._batches(self.train_rows, seed=self.config.seed), self._batches(validation, shuffle=False)

    def _batches(self, rows, **options):
        segments = {"segment_ids": rows.segment_ids} if self.settings.second_segment else {}
        return self.row_batches(
            rows.token_ids,
            rows.positions,
            np.ones(rows.positions.shape, np.float32),
            max_length=self.settings.window,
            example_ids=rows.question_ids,
            **segments,
            **options,
        )

    def data_lines(self):
        """How many questions, windows and contexts there are."""
        without = sum(not each.answers for each in self.train_texts)
        some = f", {without:,} without an answer" if without else ""
        yield (
            f"{len(self.train_texts):,} training questions{some} in {len(self.train_rows.token_ids):,} windows, "
            f"{len(self.validation_texts):,} validation questions"
        )

    def make_task(self, model, examples=()):
        """The task that answers."""
        return QuestionAnswerer(model, *self.tokenizers, self.settings, examples)

    def validation_score(self):
        """Exact match and F1."""

        def score(_):
            scores, _ = answered_questions(self.task, self.validation_texts, scoring=self.config.scoring)
            return {"exact_match": scores.exact_match, "f1": scores.f1}

        return score

    def examples(self):
        """Validation questions with their contexts."""
        return [{"question": each.question, "context": each.context} for each in self.validation_texts[:EXAMPLES]]

    def evaluate(self):
        """Answers to the test questions, or else to those of validation."""
        test = self.sources[2]
        split, self.scored = ("validation", self.validation_texts) if test is None else ("test", test)
        self.scores, self.answers = answered_questions(self.task, self.scored, scoring=self.config.scoring)
        return {"split": split, "questions": len(self.scored), "scores": asdict(self.scores)}

    def report(self, results):
        """Prints the scores and a few answers."""
        self.console.print(scores_table(self.scores, f"{results['split']}: {results['questions']:,} questions"))
        step = max(1, len(self.scored) // 5)
        for each, answer in list(zip(self.scored, self.answers, strict=True))[::step][:5]:
            right = ", ".join(dict.fromkeys(text for text, _ in each.answers)) or "no answer"
            self.say(f"  {each.question[:100]}")
            self.say(f"    {answer[:60] or 'no answer'} (right: {right[:60]})")


run = functools.partial(run_recipe, QuestionAnswering)
