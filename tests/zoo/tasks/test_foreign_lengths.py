"""How much of a text the tasks of Hugging Face directories read: as much as their files say."""

import json

import numpy as np
import pytest
import torch
import transformers
from test_foreign import write
from tiny_sentencepiece import write_t5

import zoo
from zoo.checkpoints.hugging_face import max_text_length
from zoo.convert.conversion import convert
from zoo.errors import UserError

# Of 40 one-letter words, [CLS] and [SEP]; the models have 64 positions.
LONG = "the a in marie " * 40
NO_LIMIT = 1000000000000000019884624838656


def edit(directory, **changes):
    path = directory / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({}, 64),
        ({"model_max_length": NO_LIMIT}, 64),
        ({"model_max_length": None}, 64),
        ({"model_max_length": 1e30}, 64),
        ({"model_max_length": 512}, 64),
        ({"model_max_length": 20}, 20),
        ({"max_len": 20}, 20),
    ],
    ids=str,
)
def test_classes_of_a_long_text(tmp_path, changes, length):
    model = write(tmp_path, transformers.BertForSequenceClassification, 1)
    edit(tmp_path, **changes)
    task = zoo.load(tmp_path)
    assert task.settings.max_source_length == length
    inputs = transformers.AutoTokenizer.from_pretrained(tmp_path)(
        LONG, truncation=True, max_length=length if length == 64 else None, return_tensors="pt"
    )
    assert inputs.input_ids.shape[1] == length
    with torch.no_grad():
        np.testing.assert_allclose(task.logits([LONG]), model(**inputs).logits, atol=1e-5)


def test_a_length_is_written(tmp_path):
    write(tmp_path / "first", transformers.BertForSequenceClassification, 1)
    zoo.load(tmp_path / "first").with_settings(max_source_length=30).save(tmp_path / "preset")
    convert(tmp_path / "preset", tmp_path / "second", to="hugging-face")
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "second").model_max_length == 30
    assert zoo.load(tmp_path / "second").settings.max_source_length == 30


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize(("length", "overlap"), [(64, 15), (20, 4)])
def test_windows_and_blanks(tmp_path, length, overlap):
    write(tmp_path, transformers.BertForTokenClassification, 1, id2label={0: "O", 1: "B-a", 2: "I-a"})
    edit(tmp_path, model_max_length=length)
    settings = zoo.load(tmp_path).settings
    assert (settings.window, settings.overlap) == (length, overlap)
    write(tmp_path, transformers.BertForMaskedLM, 1)
    edit(tmp_path, model_max_length=length)
    assert zoo.load(tmp_path).settings.max_source_length == length


@pytest.mark.parametrize(
    ("changes", "length"), [({}, 512), ({"model_max_length": 700}, 700), ({"model_max_length": NO_LIMIT}, 2048)]
)
def test_sources_of_t5(tmp_path, changes, length):
    """T5 has no positions to run out of, so n_positions, which transformers never reads, limits nothing."""
    model, tokenizer = write_t5(tmp_path, max_length=8, num_beams=1, length_penalty=1.0)
    edit(tmp_path, **changes)
    task = zoo.load(tmp_path)
    assert task.settings.max_source_length == length
    text = " ".join(np.random.default_rng(5).choice(["man", "horse", "snow", "deep", "two"], 600))
    inputs = transformers.AutoTokenizer.from_pretrained(tmp_path)(text, truncation=True, return_tensors="pt")
    with torch.no_grad():
        ids = model.generate(**inputs, suppress_tokens=list(range(len(tokenizer), model.config.vocab_size)))
    assert task(text) == tokenizer.decode(ids[0], skip_special_tokens=True).lstrip(" ")


def test_answers_longer_than_n_positions(tmp_path):
    write_t5(tmp_path, max_length=2500)
    assert zoo.load(tmp_path).settings.max_new_tokens == 2499


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_max_length": 0}, "model_max_length 0 is not supported"),
        ({"model_max_length": "512"}, "model_max_length '512' is not supported"),
        ({"max_len": 20.5}, "max_len 20.5 is not supported"),
        ({"truncation_side": "left"}, "truncation_side 'left' is not supported; it must be 'right'"),
    ],
    ids=str,
)
def test_lengths_that_are_refused(tmp_path, changes, message):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(changes))
    with pytest.raises(UserError, match=message):
        max_text_length(tmp_path)


def test_a_pair_of_texts_is_refused(tmp_path):
    write(tmp_path, transformers.BertForSequenceClassification, 1)
    task = zoo.load(tmp_path)
    message = r"texts are a dict with the keys 'text', 'text_pair'; give a str or a list of str \(pairs are for other"
    for call in (task, task.logits):
        with pytest.raises(UserError, match=message):
            call({"text": "Paris is big", "text_pair": "Paris is a city"})
    with pytest.raises(UserError, match=r"texts\[0\] is of type dict"):
        task([{"text": "Paris is big", "text_pair": "Paris is a city"}])
