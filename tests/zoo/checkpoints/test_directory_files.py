"""Files of Hugging Face directories: each read once in a load, second names of keys, and adapters."""

import collections
import io
import json

import pytest
import transformers
from test_foreign import write as write_bert
from test_foreign_byte_pairs import write_gpt2
from tiny_sentencepiece import write_t5

import zoo
from zoo.checkpoints.hugging_face import DirectoryFiles
from zoo.checkpoints.hugging_face.configuration_aliases import without_aliases
from zoo.convert.conversion import convert
from zoo.errors import UserError


def write_classifier(directory):
    write_bert(directory, transformers.BertForSequenceClassification, 1, "tokenizer.json", num_labels=3)


@pytest.mark.parametrize("write", [write_classifier, write_gpt2, write_t5])
def test_every_file_is_read_once(tmp_path, monkeypatch, write):
    write(tmp_path / "model")
    opened = collections.Counter()

    def counting(file, *args, **kwargs):
        opened[str(file)] += 1
        return original(file, *args, **kwargs)

    original = io.open
    for use in (zoo.load, lambda directory: convert(directory, tmp_path / "preset")):
        opened.clear()
        with monkeypatch.context() as patched:
            patched.setattr(io, "open", counting)
            use(tmp_path / "model")
        files = [path for path in (tmp_path / "model").iterdir() if path.suffix == ".json"]
        assert len(files) >= 2 and {opened[str(path)] for path in files} <= {0, 1}
        assert opened[str(tmp_path / "model" / "config.json")] == 1


def test_second_names_are_those_of_transformers(tmp_path):
    for model_type in ("distilbert", "gpt2", "bart", "marian", "mbart", "pegasus", "t5", "bert", "roberta"):
        names = transformers.CONFIG_MAPPING[model_type].attribute_map
        both = {**dict.fromkeys(names.values(), 12), **dict.fromkeys(names, 6)}
        (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type, **both}))
        theirs = transformers.AutoConfig.from_pretrained(tmp_path)
        found = DirectoryFiles(tmp_path).config
        assert found == {"model_type": model_type, **{key: getattr(theirs, key) for key in names.values()}}
        assert set(found.values()) <= {model_type, 6}
    assert without_aliases({"model_type": ["t5"]}) == {"model_type": ["t5"]}


def test_what_cannot_be_followed(tmp_path):
    write_classifier(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"adapter_config.json is not supported: transformers would put that adapter on"
    ):
        zoo.load(tmp_path)
    (tmp_path / "adapter_config.json").unlink()
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "num_labels": 4}))
    with pytest.raises(UserError, match=r"num_labels 4 is not supported beside id2label with 3 labels"):
        zoo.load(tmp_path)
