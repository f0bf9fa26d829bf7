"""Public data sets of text pairs."""

from dataclasses import dataclass

from zoo.data.datasets.dataset_splits import DatasetSplits
from zoo.data.datasets.published_files import PublishedFiles
from zoo.data.readers.text_pairs import ParallelText


@dataclass(frozen=True)
class PublishedText(PublishedFiles):
    """A line-parallel data set of gzip files.

    Attributes:
        stems: Beginning of the file names by split, "train", "validation" and "test"; ".<language>.gz" follows.
        languages: Source and target language.
    """

    stems: dict[str, str]
    languages: tuple[str, str]

    def open(self, reverse=False):
        """Finds or downloads the files and returns `DatasetSplits`."""
        source, target = reversed(self.languages) if reverse else self.languages
        # All files first, so that a failing download shows before anything is read.
        paths = {
            (split, language): self.path(f"{stem}.{language}.gz")
            for split, stem in self.stems.items()
            for language in self.languages
        }
        splits = {split: ParallelText(paths[split, source], paths[split, target]) for split in self.stems}
        return DatasetSplits(
            name=self.name,
            task="translation",
            source_language=source,
            target_language=target,
            licence=self.licence,
            homepage=self.homepage,
            citation=self.citation,
            **splits,
        )


MULTI30K = PublishedText(
    name="multi30k",
    base_url="https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw",
    stems={"train": "train", "validation": "val", "test": "test_2016_flickr"},
    languages=("en", "de"),
    sha256={
        "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    },
    licence="for researchers and educators, non-commercial research or education only; derived from Flickr30K",
    homepage="https://github.com/multi30k/dataset",
    citation="Elliott et al. 2016, Multi30K: Multilingual English-German Image Descriptions, doi:10.18653/v1/W16-3210",
)
