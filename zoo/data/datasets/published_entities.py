"""Public data sets of texts with entities."""

from dataclasses import dataclass

from zoo.data.datasets.dataset_splits import DatasetSplits
from zoo.data.datasets.published_files import PublishedFiles
from zoo.data.readers.entity_readers import ConllEntities


@dataclass(frozen=True)
class PublishedEntities(PublishedFiles):
    """A data set of CoNLL files.

    Attributes:
        files: File name by split, "train", "validation" and "test".
        language: ISO 639-1 code of the texts.
    """

    files: dict[str, str]
    language: str

    def open(self):
        """Finds or downloads the files and returns `DatasetSplits`."""
        paths = {split: self.path(filename) for split, filename in self.files.items()}
        return DatasetSplits(
            name=self.name,
            task="entities",
            source_language=self.language,
            target_language="",
            licence=self.licence,
            homepage=self.homepage,
            citation=self.citation,
            **{split: ConllEntities(path) for split, path in paths.items()},
        )


WNUT17 = PublishedEntities(
    name="wnut17",
    base_url=("https://raw.githubusercontent.com/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603"),
    files={"train": "wnut17train.conll", "validation": "emerging.dev.conll", "test": "emerging.test.annotated"},
    language="en",
    sha256={
        "wnut17train.conll": "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
        "emerging.dev.conll": "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
        "emerging.test.annotated": "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
    },
    licence="CC BY 4.0",
    homepage="https://github.com/leondz/emerging_entities_17",
    citation=(
        "Derczynski et al. 2017, Results of the WNUT2017 Shared Task on Novel and Emerging Entity Recognition, "
        "doi:10.18653/v1/W17-4418"
    ),
)
