"""Public data sets of texts with classes."""

from dataclasses import dataclass

from zoo.data.datasets.dataset_splits import DatasetSplits
from zoo.data.datasets.published_files import PublishedFiles
from zoo.data.readers.classified_text import CsvClasses


@dataclass(frozen=True)
class PublishedClasses(PublishedFiles):
    """A data set of CSV files with a header.

    Attributes:
        files: File name by split, "train" and "test"; "validation" where there is one.
        text, label: Names of the columns.
        language: ISO 639-1 code of the texts.
    """

    files: dict[str, str]
    text: str
    label: str
    language: str

    def open(self):
        """Finds or downloads the files and returns `DatasetSplits`."""
        paths = {split: self.path(filename) for split, filename in self.files.items()}
        splits = {split: CsvClasses(path, text=self.text, label=self.label) for split, path in paths.items()}
        return DatasetSplits(
            name=self.name,
            task="classification",
            source_language=self.language,
            target_language="",
            licence=self.licence,
            homepage=self.homepage,
            citation=self.citation,
            **{"validation": None, **splits},
        )


BANKING77 = PublishedClasses(
    name="banking77",
    base_url=(
        "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/"
        "57ec275d8078af65b7731c2a98be812d844a6d6b/banking_data"
    ),
    files={"train": "train.csv", "test": "test.csv"},
    text="text",
    label="category",
    language="en",
    sha256={
        "train.csv": "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
        "test.csv": "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
    },
    licence="CC BY 4.0",
    homepage="https://github.com/PolyAI-LDN/task-specific-datasets",
    citation=(
        "Casanueva et al. 2020, Efficient Intent Detection with Dual Sentence Encoders, "
        "doi:10.18653/v1/2020.nlp4convai-1.5"
    ),
)
