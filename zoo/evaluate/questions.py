"""Exact match and F1 of answers to questions."""

from dataclasses import asdict

from rich.table import Table

from zoo.data.readers.questions import read_questions
from zoo.evaluate.evaluation import Evaluation
from zoo.metrics import score_answers


def answered_questions(task, questions, *, scoring="squad", batch_size=32, progress=False):
    """`AnswerScores` of a task on questions, and its answers.

    Args:
        task: `zoo.tasks.QuestionAnswerer`.
        questions: list of `zoo.data.readers.questions.Question`.
        scoring: As of `zoo.metrics.score_answers`.
        batch_size, progress: As in a call of the task.
    """
    columns = [[getattr(each, name) for each in questions] for name in task.inputs]
    answers = [found["answer"] for found in task(*columns, batch_size=batch_size, progress=progress)]
    return score_answers([[text for text, _ in each.answers] for each in questions], answers, scoring), answers


def scores_table(scores, title):
    """The table of `AnswerScores`."""
    table = Table(title=title, title_justify="left")
    for name in ("questions", "number", "exact match", "F1"):
        table.add_column(name, justify="left" if name == "questions" else "right")
    rows = {"all": scores, "with an answer": scores.answerable, "without": scores.unanswerable}
    for name, part in rows.items():
        if part is not None and (name == "all" or part.count < scores.count):
            table.add_row(name, f"{part.count:,}", f"{100 * part.exact_match:.2f}", f"{100 * part.f1:.2f}")
    return table


def evaluate_questions(task, config):
    """Answers the questions of a file and scores the answers.

    Args:
        task: `zoo.tasks.QuestionAnswerer`.
        config: An `EvaluateConfig`.
    """
    questions = read_questions(config.test_file)
    scores, answers = answered_questions(
        task, questions, scoring=config.scoring, batch_size=config.batch_size, progress=True
    )
    title = f"{config.test_file}: {len(questions):,} questions"
    return Evaluation({"questions": len(questions), "scores": asdict(scores)}, [scores_table(scores, title)], answers)
