"""Marian and BART directories as tasks: the texts that `generate` of transformers gives, and what comes of settings."""

import json

import pytest
import tensorflow as tf
from tiny_checkpoints import answers_of_transformers, sentences, write_bart, write_marian

import zoo
from zoo.errors import UserError
from zoo.tasks import SummarizationSettings, Summary, TranslationSettings
from zoo.tasks.foreign import task_from_hugging_face

TEXTS = [*sentences(54, seed=2), "x", "größer 中文 ☃", "a\tman", "  two  dogs "]


@pytest.fixture(scope="module")
def marian(tmp_path_factory):
    directory = tmp_path_factory.mktemp("marian")
    return directory, *write_marian(directory), zoo.load(directory)


@pytest.fixture(scope="module")
def bart(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bart")
    return directory, *write_bart(directory), zoo.load(directory)


def same(task, model, tokenizer, theirs, distinct=0.6, **settings):
    """Compares all texts under other settings of both sides."""
    task = task.with_settings(**settings)
    found = task(TEXTS)
    assert found == answers_of_transformers(model, tokenizer, TEXTS, **theirs)
    # Texts have answers of their own, of different lengths.
    assert len(set(found)) > distinct * len(found)
    assert len({len(row) for row in task.target_tokenizer.encode(found).to_list()}) > 4


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {"distinct": 0.4}),
        (
            {"early_stopping": "never", "length_penalty": 0.6, "no_repeat_ngram_size": 2, "renormalize_logits": False},
            {"stopping": "exact", "length_penalty": 0.6, "no_repeat_ngram_size": 2, "renormalize": False},
        ),
        (
            {"num_beams": 1, "max_length": 12, "no_repeat_ngram_size": 2},
            {"num_beams": 1, "max_new_tokens": 11, "no_repeat_ngram_size": 2},
        ),
    ],
    ids=["own", "exact", "greedy"],
)
def test_translations_are_those_of_transformers(marian, theirs, ours):
    _, model, tokenizer, task = marian
    assert isinstance(task, zoo.Translator)
    same(task, model, tokenizer, theirs, **ours)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        (
            {"num_beams": 1, "bad_words_ids": [[30], [31]], "min_length": 0},
            {"num_beams": 1, "suppressed_token_ids": (30, 31), "min_new_tokens": 0},
        ),
        (
            {"early_stopping": False, "forced_bos_token_id": 40, "num_beams": 3},
            {"stopping": "estimate", "forced_first_token_id": 40, "num_beams": 3},
        ),
    ],
    ids=["own", "greedy_bad_words", "estimate_first_token"],
)
def test_summaries_are_those_of_transformers(bart, theirs, ours):
    _, model, tokenizer, task = bart
    assert isinstance(task, zoo.Summarizer)
    same(task, model, tokenizer, theirs, **ours)


def test_scores_are_those_of_transformers(bart):
    _, model, tokenizer, task = bart
    inputs = tokenizer(TEXTS[:8], return_tensors="pt", padding=True)
    expected = model.generate(**inputs, return_dict_in_generate=True, output_scores=True, num_return_sequences=4)
    found = task.n_best(TEXTS[:8], 4)
    scores = [summary.score for row in found for summary in row]
    assert scores == pytest.approx(expected.sequences_scores.tolist(), abs=1e-4)
    texts = tokenizer.batch_decode(expected.sequences, skip_special_tokens=True)
    assert [summary.text for row in found for summary in row] == texts


def test_settings_of_the_files(marian, bart):
    settings = marian[3].settings
    assert (settings.num_beams, settings.max_new_tokens, settings.stopping) == (4, 23, "estimate")
    assert settings.suppressed_token_ids == (marian[1].config.pad_token_id,) and settings.renormalize
    assert (settings.source_suffix_ids, settings.max_source_length) == ((0,), 48)
    settings = bart[3].settings
    assert (settings.min_new_tokens, settings.forced_first_token_id, settings.forced_last_token_id) == (5, 0, 2)
    assert (settings.source_prefix_ids, settings.source_suffix_ids, settings.start_token_id) == ((0,), (2,), 2)


@pytest.mark.usefixtures("untraced_tasks")
def test_a_preset_answers_as_the_directory(bart, tmp_path):
    task = bart[3]
    task.save(tmp_path)
    again = zoo.load(tmp_path)
    assert type(again) is zoo.Summarizer and again.settings == task.settings
    assert again(TEXTS[:6]) == task(TEXTS[:6])


def test_separate_vocabularies(tmp_path):
    model, tokenizer = write_marian(tmp_path, joint=False, renormalize_logits=False, no_repeat_ngram_size=2)
    task = zoo.load(tmp_path)
    assert task.source_tokenizer.vocabulary_size != task.target_tokenizer.vocabulary_size
    same(task, model, tokenizer, {}, distinct=0.4)


@pytest.mark.parametrize("form", ["vocab.json", "tokenizer.json"])
def test_a_vocabulary_with_a_token_more_than_the_model(tmp_path, form):
    """As bart-large-cnn has <mask>."""
    model, tokenizer = write_bart(tmp_path, form=form)
    assert (tmp_path / "vocab.json").exists() == (form == "vocab.json")
    size = model.config.vocab_size
    content = json.loads((tmp_path / f"{form}").read_text())
    entries = content if form == "vocab.json" else content["model"]["vocab"]
    entries["<more>"] = size
    if form == "tokenizer.json":
        content["added_tokens"].append({**content["added_tokens"][0], "id": size, "content": "<more>"})
    (tmp_path / form).write_text(json.dumps(content))
    task = zoo.load(tmp_path)
    assert task.tokenizer.vocabulary_size == size
    assert task(TEXTS[:9]) == answers_of_transformers(model, tokenizer, TEXTS[:9])


@pytest.mark.usefixtures("untraced_tasks")
def test_truncation_is_reported(bart):
    _, model, tokenizer, task = bart
    long = " ".join(TEXTS)
    short = task.with_settings(max_source_length=9)
    outputs = short.predict_batch(tf.constant([long, TEXTS[0], ""]))
    assert outputs["truncated"].numpy().tolist() == [
        True,
        len(task.tokenizer.encode([TEXTS[0]]).to_list()[0]) > 7,
        False,
    ]
    assert set(outputs) == {"text", "score", "truncated"}
    inputs = tokenizer([long], return_tensors="pt", truncation=True, max_length=9)
    expected = tokenizer.batch_decode(model.generate(**inputs), skip_special_tokens=True)
    [summary] = short.n_best(long, 1)
    assert summary == Summary(expected[0], summary.score, True) and short(long) == expected[0]
    assert not task.n_best("a man", 1)[0].truncated


def test_a_bart_that_translates(bart):
    directory = bart[0]
    translator = task_from_hugging_face(directory, task="translation")
    assert isinstance(translator, zoo.Translator) and translator.settings.source_prefix_ids == (0,)
    assert set(translator.predict_batch(tf.constant(["a"]), max_new_tokens=tf.constant([1]))) == {"text", "score"}
    with pytest.raises(UserError, match=r"task must be one of translation, summarization, .*, got 'poetry'"):
        task_from_hugging_face(directory, task="poetry")


def test_tokens_that_the_model_does_not_have(bart):
    task = bart[3]
    size = task.model.target_vocabulary_size
    for name, value in (
        ("forced_first_token_id", size),
        ("suppressed_token_ids", (3, size)),
        ("start_token_id", size),
        ("source_prefix_ids", (0, size)),
    ):
        with pytest.raises(UserError, match=f"{name} must be less than the vocabulary size {size}"):
            task.with_settings(**{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stopping": "soon"}, "stopping must be one of exact, first, estimate, got 'soon'"),
        ({"forced_last_token_id": -1}, "forced_last_token_id must hold integers of at least 0"),
        ({"start_token_id": "a"}, "start_token_id must hold integers of at least 0, got 'a'"),
        ({"source_suffix_ids": (1.5,)}, "source_suffix_ids must hold integers of at least 0"),
        ({"renormalize": 1}, "renormalize must be true or false, got 1"),
        ({"max_source_length": 3, "source_prefix_ids": (1, 2)}, r"max_source_length \(3\) must exceed its 3 special"),
    ],
)
def test_impossible_settings(settings, message):
    for cls in (TranslationSettings, SummarizationSettings):
        with pytest.raises(UserError, match=message):
            cls(**settings)


def test_files_that_are_missing_or_not_supported(tmp_path):
    write_marian(tmp_path)
    config = tmp_path / "tokenizer_config.json"
    config.write_text('{"tokenizer_class": "T5Tokenizer"}')
    with pytest.raises(UserError, match="tokenizer_class 'T5Tokenizer' is not supported"):
        zoo.load(tmp_path)
    config.write_text('{"sp_model_kwargs": {"alpha": 0.1}}')
    with pytest.raises(UserError, match=r"sp_model_kwargs .* is not supported"):
        zoo.load(tmp_path)
    config.unlink()
    (tmp_path / "target.spm").unlink()
    with pytest.raises(UserError, match=r"target.spm cannot be read"):
        zoo.load(tmp_path)
