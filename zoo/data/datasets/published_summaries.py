"""Public data sets of texts with summaries."""

from dataclasses import dataclass

from zoo.data.datasets.dataset_splits import DatasetSplits
from zoo.data.datasets.published_files import PublishedFiles
from zoo.data.readers.summaries import JsonlSummaries


@dataclass(frozen=True)
class PublishedSummaries(PublishedFiles):
    """A data set of JSON Lines files.

    Attributes:
        files: File name by split, "train", "validation" and "test".
        text: Field of the texts.
        summaries: Fields of the summaries by split.
        language: ISO 639-1 code of the texts.
    """

    files: dict[str, str]
    text: str
    summaries: dict[str, tuple[str, ...]]
    language: str

    def open(self):
        """Finds or downloads the files of training and validation, and that of the test when it is first read."""
        splits = {
            split: JsonlSummaries(self.path(self.files[split]), self.text, self.summaries[split])
            for split in ("train", "validation")
        }
        return DatasetSplits(
            name=self.name,
            task="summarization",
            test=_WhenRead(self),
            source_language=self.language,
            target_language=self.language,
            licence=self.licence,
            homepage=self.homepage,
            citation=self.citation,
            **splits,
        )


@dataclass(frozen=True)
class _WhenRead:
    """The test split, whose file is needed by nobody who trains."""

    dataset: PublishedSummaries

    def __iter__(self):
        files = self.dataset
        return iter(JsonlSummaries(files.path(files.files["test"]), files.text, files.summaries["test"]))


DIALOGSUM = PublishedSummaries(
    name="dialogsum",
    base_url=(
        "https://raw.githubusercontent.com/cylnlp/dialogsum/848cc8c05e0a04def79326539de827f1b28786a0/DialogSum_Data"
    ),
    files={"train": "dialogsum.train.jsonl", "validation": "dialogsum.dev.jsonl", "test": "dialogsum.test.jsonl"},
    text="dialogue",
    summaries={"train": ("summary",), "validation": ("summary",), "test": ("summary1", "summary2", "summary3")},
    language="en",
    sha256={
        "dialogsum.train.jsonl": "660238631152c062e67186da6622c1e8925579e82563d66d611abb9dcc19bb72",
        "dialogsum.dev.jsonl": "436721e0a3571eef7072964f80e042fb151d8c6178db1a688ce8f803bbf0a13f",
        "dialogsum.test.jsonl": "6de36eca7e7b9b10975fd5ea3f47391df172d8b3c15d03d84d763cbaab015fda",
    },
    licence="CC BY-NC-SA 4.0",
    homepage="https://github.com/cylnlp/dialogsum",
    citation="Chen et al. 2021, DialogSum: A Real-Life Scenario Dialogue Summarization Dataset, "
    "doi:10.18653/v1/2021.findings-acl.449",
)
