"""What opening a data set by name returns."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DatasetSplits:
    """A data set ready to read. Each split is a re-iterable of examples.

    | task | an example |
    |---|---|
    | translation | (source, target) strings |
    | entities | `zoo.data.readers.entities.EntityText` |
    | classification | `zoo.data.readers.classified_text.ClassifiedText` |
    | summarization | `zoo.data.readers.summaries.SummarizedText` |
    | language modelling | str |

    Attributes:
        name: The name it was opened by.
        train, test: Splits.
        validation: Split; None where none is published (`zoo.data.datasets.held_out.hold_out` makes one).
        task: What its examples are for, as in the table.
        licence: Terms of use, one line.
        homepage: Where it comes from.
        citation: The paper to cite, one line; empty where there is none.
        source_language, target_language: ISO 639-1 codes of translations, such as "en"; of other texts, the first
            is the language and the second is empty.
    """

    name: str
    train: Iterable[Any]
    validation: Iterable[Any] | None
    test: Iterable[Any]
    source_language: str
    target_language: str
    licence: str
    homepage: str
    citation: str = ""
    task: str = "translation"
