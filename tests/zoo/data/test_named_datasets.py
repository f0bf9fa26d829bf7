import dataclasses
import functools
import gzip
import hashlib
import http.server
import json
import os
import threading
from pathlib import Path

import pytest

from zoo.data.datasets import named_datasets, sample_corpus
from zoo.data.datasets.named_datasets import open_dataset
from zoo.data.datasets.published_classes import BANKING77, PublishedClasses
from zoo.data.datasets.published_entities import WNUT17, PublishedEntities
from zoo.data.datasets.published_files import cache_directory
from zoo.data.datasets.published_pairs import MULTI30K, PublishedText
from zoo.data.datasets.published_summaries import DIALOGSUM
from zoo.data.readers.entities import Entity
from zoo.errors import UserError

TEXTS = {
    "train.en": ["A man.", "Two dogs."],
    "train.de": ["Ein Mann.", "Zwei Hunde."],
    "val.en": ["A cat."],
    "val.de": ["Eine Katze."],
    "test.en": ["A bird."],
    "test.de": ["Ein Vogel."],
}
FILES = {f"{name}.gz": gzip.compress("".join(f"{line}\n" for line in lines).encode()) for name, lines in TEXTS.items()}
OTHER_FILES = {
    "a.conll": b"In\tO\nRome\tB-place\n",
    "b.conll": b"Go\tO\n",
    "train.csv": b'text,class\r\n"One, two",x\r\nThree,y\r\n',
    "test.csv": b"text,class\r\nFour,x\r\n",
}
HASHES = {name: hashlib.sha256(data).hexdigest() for name, data in (FILES | OTHER_FILES).items()}


class CountingHandler(http.server.SimpleHTTPRequestHandler):
    requests: list

    def do_GET(self):
        self.requests.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def published(tmp_path):
    """A small data set on a web server, and the list of paths that were asked for."""
    folder = tmp_path / "web"
    folder.mkdir()
    for name, data in (FILES | OTHER_FILES).items():
        (folder / name).write_bytes(data)
    requests = []
    handler = functools.partial(type("Handler", (CountingHandler,), {"requests": requests}), directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        dataset = PublishedText(
            name="small",
            base_url=f"http://127.0.0.1:{httpd.server_port}",
            stems={"train": "train", "validation": "val", "test": "test"},
            languages=("en", "de"),
            sha256={name: HASHES[name] for name in FILES},
            licence="terms of the test",
            homepage="https://example.org/small",
            citation="Nobody 2026",
        )
        yield dataset, requests
        httpd.shutdown()
        thread.join()


def pairs(split, source="en", target="de"):
    return list(zip(TEXTS[f"{split}.{source}"], TEXTS[f"{split}.{target}"], strict=True))


def test_downloads_once_into_the_cache(published, tmp_path, capsys):
    dataset, requests = published
    splits = dataset.open()
    assert list(splits.train) == pairs("train")
    assert list(splits.validation) == pairs("val")
    assert list(splits.test) == pairs("test")
    assert (splits.source_language, splits.target_language) == ("en", "de")
    assert (splits.name, splits.licence, splits.citation) == ("small", "terms of the test", "Nobody 2026")
    assert sorted(requests) == sorted(f"/{name}" for name in FILES)
    assert capsys.readouterr().err.count("terms of the test") == 1
    assert {path.name for path in (tmp_path / "cache" / "keras-transformer-zoo" / "small").iterdir()} == set(FILES)
    assert list(dataset.open().train) == list(splits.train)
    assert len(requests) == len(FILES)
    assert capsys.readouterr().err == ""


def test_reverse_swaps_text_and_languages(published):
    splits = published[0].open(reverse=True)
    assert list(splits.train) == pairs("train", "de", "en")
    assert list(splits.test) == pairs("test", "de", "en")
    assert (splits.source_language, splits.target_language) == ("de", "en")


def test_entities_and_classes(published, monkeypatch):
    described = dict(base_url=published[0].base_url, licence="terms", homepage="https://example.org", citation="")
    entities = PublishedEntities(
        name="places",
        files={"train": "a.conll", "validation": "a.conll", "test": "b.conll"},
        language="en",
        sha256={name: HASHES[name] for name in ("a.conll", "b.conll")},
        **described,
    )
    monkeypatch.setitem(named_datasets._OPENERS, "wnut17", ("entities", entities.open))
    splits = open_dataset("wnut17", task="entities")
    assert [text.entities for text in splits.train] == [(Entity(3, 7, "place"),)]
    assert [text.text for text in splits.test] == ["Go"]
    assert (splits.task, splits.source_language) == ("entities", "en")
    classes = PublishedClasses(
        name="classes",
        files={"train": "train.csv", "test": "test.csv"},
        text="text",
        label="class",
        language="en",
        sha256={name: HASHES[name] for name in ("train.csv", "test.csv")},
        **described,
    )
    monkeypatch.setitem(named_datasets._OPENERS, "banking77", ("classification", classes.open))
    splits = open_dataset("banking77")
    assert [(text.text, text.labels) for text in splits.train] == [("One, two", ("x",)), ("Three", ("y",))]
    assert [text.text for text in splits.test] == ["Four"]
    assert splits.validation is None
    assert splits.task == "classification"


def test_own_directory_comes_first(published, tmp_path, monkeypatch):
    dataset, requests = published
    own = tmp_path / "own"
    (own / "small").mkdir(parents=True)
    for name in ("train.en.gz", "train.de.gz"):
        (own / "small" / name).write_bytes(FILES[name])
    monkeypatch.setenv("ZOO_DATA_DIR", str(own))
    splits = dataset.open()
    assert splits.train.source.path == own / "small" / "train.en.gz"
    assert list(splits.train) == pairs("train")
    assert list(splits.test) == pairs("test")
    assert sorted(requests) == ["/test.de.gz", "/test.en.gz", "/val.de.gz", "/val.en.gz"]
    assert len(list((own / "small").iterdir())) == 2  # nothing is written to the user's folder


def test_altered_file_is_named_and_left_alone(published, tmp_path, monkeypatch):
    dataset, _ = published
    dataset.open()
    path = cache_directory() / "small" / "val.de.gz"
    path.write_bytes(FILES["train.de.gz"])
    with pytest.raises(UserError, match=rf"val\.de\.gz: is not the published file of small .*{dataset.base_url}/val"):
        dataset.open()
    assert path.read_bytes() == FILES["train.de.gz"]


def test_wrong_hash_of_a_download(published):
    dataset, _ = published
    dataset = dataclasses.replace(dataset, sha256={**dataset.sha256, "val.en.gz": "0" * 64})
    with pytest.raises(UserError, match=r"val\.en\.gz: .*sent other data") as caught:
        dataset.open()
    assert "ZOO_DATA_DIR" in str(caught.value)
    assert f"{dataset.base_url}/val.en.gz" in str(caught.value)
    assert not (cache_directory() / "small" / "val.en.gz").exists()


def test_no_network_says_where_to_put_the_file(published):
    dataset = dataclasses.replace(published[0], base_url="http://127.0.0.1:1")
    with pytest.raises(UserError) as caught:
        dataset.open()
    message = str(caught.value)
    for part in ("train.en.gz", "http://127.0.0.1:1/train.en.gz", "ZOO_DATA_DIR", "<directory>/small/train.en.gz"):
        assert part in message
    assert "\n" not in message


def test_data_directory_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"ZOO_DATA_DIR=.*absent is not a directory"):
        open_dataset("multi30k")


def test_cache_directory_follows_xdg(tmp_path, monkeypatch):
    assert cache_directory() == tmp_path / "cache" / "keras-transformer-zoo"
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_directory() == tmp_path / ".cache" / "keras-transformer-zoo"


def test_unknown_name_lists_the_names():
    with pytest.raises(
        UserError,
        match="no data set 'wmt'; the names are banking77, dialogsum, multi30k, sample, tinyshakespeare, wnut17",
    ):
        open_dataset("wmt")
    with pytest.raises(UserError, match="no data set 'wmt'; the names are wnut17"):
        open_dataset("wmt", task="entities")
    with pytest.raises(UserError, match="'wnut17' is for entities, not for translation; use multi30k, sample"):
        open_dataset("wnut17", task="translation")
    with pytest.raises(UserError, match="'wnut17' is for entities, and cannot be reversed"):
        open_dataset("wnut17", reverse=True)


def test_open_dataset_reaches_multi30k(published, monkeypatch):
    """The name leads to the registered data set, here with the small files under its name."""
    monkeypatch.setitem(named_datasets._OPENERS, "multi30k", ("translation", published[0].open))
    assert list(open_dataset("multi30k", reverse=True).validation) == pairs("val", "de", "en")


def test_sample_needs_no_network(monkeypatch):
    monkeypatch.setattr(sample_corpus, "sample_splits", functools.partial(sample_corpus.sample_splits, 60, 8, 9))
    expected = sample_corpus.sample_splits()
    splits, reverse = open_dataset("sample"), open_dataset("sample", reverse=True)
    for name in ("train", "validation", "test"):
        assert list(getattr(splits, name)) == getattr(expected, name)
        assert list(getattr(reverse, name)) == [(german, english) for english, german in getattr(expected, name)]
    assert (splits.source_language, splits.target_language) == ("en", "de")
    assert (reverse.source_language, reverse.target_language) == ("de", "en")


def test_multi30k_is_described():
    names = {f"{stem}.{language}.gz" for stem in ("train", "val", "test_2016_flickr") for language in ("en", "de")}
    assert set(MULTI30K.sha256) == names
    assert MULTI30K.base_url == "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
    assert {len(bytes.fromhex(digest)) for digest in MULTI30K.sha256.values()} == {32}


DATA = Path(os.environ.get("ZOO_DATA_DIR", "absent"))


def present(name):
    absent = pytest.mark.skipif(not (DATA / name).is_dir(), reason=f"ZOO_DATA_DIR holds no {name} folder")
    return lambda test: pytest.mark.published(absent(test))


@present("multi30k")
def test_multi30k_itself(monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(DATA))
    splits = open_dataset("multi30k", task="translation")
    assert [sum(1 for _ in split) for split in (splits.train, splits.validation, splits.test)] == [29_000, 1014, 1000]
    assert next(iter(splits.train))[0].startswith("Two young, White males")


@present("wnut17")
def test_wnut17_itself(monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(DATA))
    splits = open_dataset("wnut17")
    assert [sum(1 for _ in split) for split in (splits.train, splits.validation, splits.test)] == [3394, 1009, 1287]
    assert set(WNUT17.sha256) == set(WNUT17.files.values())


@present("banking77")
def test_banking77_itself(monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(DATA))
    splits = open_dataset("banking77")
    train, test = list(splits.train), list(splits.test)
    assert (len(train), len(test)) == (10_003, 3080)
    assert len({text.labels for text in train}) == len({text.labels for text in test}) == 77
    assert sum("\n" in text.text for text in train) > 1  # quoted fields with line ends
    assert set(BANKING77.sha256) == set(BANKING77.files.values())


@present("tinyshakespeare")
def test_tinyshakespeare_itself(monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(DATA))
    splits = open_dataset("tinyshakespeare", task="language modelling")
    (train,), (validation,) = splits.train, splits.validation
    assert len(train) + len(validation) == 1_115_394
    assert train.startswith("First Citizen:\nBefore we proceed") and validation.startswith("?\n\nGREMIO:")


@present("dialogsum")
def test_dialogsum_itself(monkeypatch):
    """The training file lies there compressed, and the hash is that of its content."""
    monkeypatch.setenv("ZOO_DATA_DIR", str(DATA))
    splits = open_dataset("dialogsum", task="summarization")
    train, validation = list(splits.train), list(splits.validation)
    assert (len(train), len(validation)) == (12_460, 500)
    assert train[0].text.startswith("#Person1#: Hi, Mr. Smith.") and len(train[0].summaries) == 1
    assert set(DIALOGSUM.sha256) == set(DIALOGSUM.files.values())


def test_test_split_of_summaries_is_fetched_when_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    folder = tmp_path / "small"
    folder.mkdir()
    row = json.dumps({"t": "a text", "s": "one", "s1": "one", "s2": "two"})
    content = (row + "\n").encode()
    digest = hashlib.sha256(content).hexdigest()
    (folder / "train.jsonl.gz").write_bytes(gzip.compress(content))
    (folder / "dev.jsonl").write_bytes(content)
    files = {"train": "train.jsonl", "validation": "dev.jsonl", "test": "test.jsonl"}
    dataset = dataclasses.replace(
        DIALOGSUM,
        name="small",
        base_url="http://127.0.0.1:1",
        files=files,
        text="t",
        summaries={"train": ("s",), "validation": ("s",), "test": ("s1", "s2")},
        sha256=dict.fromkeys(files.values(), digest),
    )
    splits = dataset.open()
    assert list(splits.train) == list(splits.validation) == [("a text", ("one",))]
    with pytest.raises(UserError, match=r"test\.jsonl"):
        list(splits.test)
    (folder / "test.jsonl").write_bytes(content)
    assert list(splits.test) == list(splits.test) == [("a text", ("one", "two"))]
    (folder / "train.jsonl.gz").write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(UserError, match=r"train\.jsonl\.gz: the gzip data is damaged"):
        dataset.open()
    (folder / "train.jsonl.gz").write_bytes(gzip.compress(content + b"x"))
    with pytest.raises(UserError, match=r"train\.jsonl\.gz: is not the published file"):
        dataset.open()
