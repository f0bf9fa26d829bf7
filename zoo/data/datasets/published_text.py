"""Public texts for language models."""

from dataclasses import dataclass

from zoo.data.datasets.dataset_splits import DatasetSplits
from zoo.data.datasets.published_files import PublishedFiles
from zoo.data.readers.exact_documents import ExactDocuments


@dataclass(frozen=True)
class PublishedPlainText(PublishedFiles):
    """A single text whose end is for validation.

    Attributes:
        file: Name of the text file.
        training_share: Share of the characters that comes first and is to be trained on.
        language: ISO 639-1 code of the text.
    """

    file: str
    training_share: float
    language: str

    def open(self):
        """Finds or downloads the file and returns `DatasetSplits`; the test split is the validation split."""
        (text,) = ExactDocuments(self.path(self.file))
        split = int(len(text) * self.training_share)
        return DatasetSplits(
            name=self.name,
            task="language modelling",
            train=[text[:split]],
            validation=[text[split:]],
            test=[text[split:]],
            source_language=self.language,
            target_language="",
            licence=self.licence,
            homepage=self.homepage,
            citation=self.citation,
        )


TINY_SHAKESPEARE = PublishedPlainText(
    name="tinyshakespeare",
    base_url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare",
    file="input.txt",
    training_share=0.9,
    language="en",
    sha256={"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
    licence="public domain",
    homepage="https://github.com/karpathy/char-rnn",
    citation="",
)
