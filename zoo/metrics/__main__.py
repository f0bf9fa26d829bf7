"""`python -m zoo.metrics HYPOTHESES REFERENCES [REFERENCES ...]` scores translations: files of one sentence a line."""

from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zoo.data.text_lines import TextLines
from zoo.errors import UserError, command_line
from zoo.metrics.translation import bleu, chrf, lowercase_tokenized_bleu


def _score_files(
    hypotheses: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="HYPOTHESES")],
    references: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="REFERENCES ...")],
    lowercase_tokenized: Annotated[str | None, tyro.conf.arg(metavar="LANGUAGE")] = None,
):
    """Score translations against references: sacreBLEU, chrF and, if asked for, BLEU as papers on Multi30k report it.

    Args:
        hypotheses: File of the translations to score: plain text, one sentence a line, plain or .gz.
        references: One or more files of references with the same number of lines.
        lowercase_tokenized: Language code of the text, such as de: adds BLEU on lowercased, Moses-tokenized text.
    """
    if not references:
        raise UserError("no reference file is given; name one or more after the file of hypotheses")
    translations = list(TextLines(hypotheses))
    lists = []
    for path in references:
        lists.append(list(TextLines(path)))
        if len(lists[-1]) != len(translations):
            raise UserError(
                f"{hypotheses} has {len(translations):,} lines but {path} has {len(lists[-1]):,}: each hypothesis "
                "needs the reference of the same line"
            )
    scores = [bleu(translations, lists), chrf(translations, lists)]
    if lowercase_tokenized is not None:
        scores.append(lowercase_tokenized_bleu(translations, lists, lowercase_tokenized))
    table = Table(title=Text(f"{hypotheses}, {len(translations):,} sentences"), title_justify="left")
    table.add_column("metric")
    table.add_column("score", justify="right")
    for score in scores:
        table.add_row(score.name, f"{score.value:.2f}")
    Console().print(table)
    # Outside the table, where a narrow terminal cannot cut them short.
    for score in scores:
        print(f"{score.name}: {score.signature}")


@command_line
def main(argv=None):
    """Runs the command line `python -m zoo.metrics`."""
    tyro.cli(_score_files, prog="python -m zoo.metrics", args=argv)


if __name__ == "__main__":
    main()
