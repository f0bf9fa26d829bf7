"""mBART and PEGASUS directories as tasks: the texts that `generate` of transformers gives, and languages chosen."""

import json

import pytest
import torch
import transformers
from tiny_checkpoints import TARGET_WORDS, sentences, write_bart, write_marian
from tiny_sentencepiece import write_mbart, write_pegasus

import zoo
from zoo.convert import main
from zoo.convert.conversion import convert
from zoo.errors import UserError
from zoo.tasks.foreign import task_from_hugging_face

TEXTS = [*sentences(40, seed=2), *sentences(14, TARGET_WORDS, seed=3), "x", "größer 中文 ☃", "a\tman", "two  dogs"]


@pytest.fixture(scope="module")
def mbart(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mbart")
    return directory, *write_mbart(directory)


@pytest.fixture(scope="module")
def mbart50(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mbart50")
    return directory, *write_mbart(directory, "mbart50")


@pytest.fixture(scope="module")
def pegasus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pegasus")
    return directory, *write_pegasus(directory)


def same(task, model, tokenizer, ours, **theirs):
    found = task.with_settings(**ours)(TEXTS)
    # Not normalised by transformers' mBART tokenizer, but with nothing in them to normalise but blanks.
    inputs = tokenizer([" ".join(text.split()) for text in TEXTS], return_tensors="pt", padding=True)
    with torch.no_grad():
        ids = model.generate(**inputs, **theirs)
    assert found == [text.lstrip(" ") for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
    assert len(set(found)) > 0.6 * len(found)
    assert len({len(row) for row in task.target_tokenizer.encode(found).to_list()}) > 4


@pytest.mark.parametrize("beams", [1, 5])
def test_mbart_translates_as_transformers(mbart, beams):
    directory, model, tokenizer = mbart
    task = task_from_hugging_face(directory, source_language="de_DE", target_language="ro_RO")
    assert isinstance(task, zoo.Translator)
    tokenizer.src_lang = "de_DE"
    start = tokenizer.convert_tokens_to_ids("ro_RO")
    same(task, model, tokenizer, {"num_beams": beams}, num_beams=beams, decoder_start_token_id=start)


@pytest.mark.parametrize("beams", [1, 5])
def test_mbart50_translates_as_transformers(mbart50, beams):
    directory, model, tokenizer = mbart50
    task = task_from_hugging_face(directory, source_language="gl_ES", target_language="sl_SI")
    tokenizer.src_lang = "gl_ES"
    first = tokenizer.convert_tokens_to_ids("sl_SI")
    same(task, model, tokenizer, {"num_beams": beams}, num_beams=beams, forced_bos_token_id=first)


@pytest.mark.parametrize("beams", [1, 8])
def test_pegasus_summarises_as_transformers(pegasus, beams):
    directory, model, tokenizer = pegasus
    task = zoo.load(directory)
    assert isinstance(task, zoo.Summarizer)
    # Rows of the table that are no token's.
    nameless = list(range(len(tokenizer), model.config.vocab_size))
    same(task, model, tokenizer, {"num_beams": beams}, num_beams=beams, suppress_tokens=nameless)


@pytest.mark.usefixtures("untraced_tasks")
def test_languages_decide_the_answers(mbart50, tmp_path, capsys):
    directory = mbart50[0]
    answers = []
    for source, target in (("en_XX", "ro_RO"), ("en_XX", "zh_CN"), ("fr_XX", "ro_RO")):
        task = task_from_hugging_face(directory, source_language=source, target_language=target)
        answers.append(task(TEXTS[:4], num_beams=1))
    assert answers[0] != answers[1] != answers[2] != answers[0]
    main([str(directory), str(tmp_path), "--source-language", "fr_XX", "--target-language", "ro_RO"])
    assert capsys.readouterr().out == f"{tmp_path}: a preset of Translator\n"
    again = zoo.load(tmp_path)
    assert again.settings == task.settings and again(TEXTS[:4], num_beams=1) == answers[-1]


@pytest.mark.usefixtures("untraced_tasks")
def test_a_language_that_somebody_added(mbart50, tmp_path):
    """Upper Sorbian, as a token behind the mask, with a vector of its own."""
    directory, _, _ = mbart50
    for path in directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tokenizer = transformers.MBart50Tokenizer.from_pretrained(directory)
    model = transformers.MBartForConditionalGeneration.from_pretrained(directory)
    language = len(tokenizer)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"hsb_DE": language}))
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    config["additional_special_tokens"] = [*tokenizer.extra_special_tokens, "hsb_DE"]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    torch.manual_seed(4)
    model.resize_token_embeddings(language + 1, mean_resizing=False)
    with torch.no_grad():
        model.model.shared.weight[language].normal_()
    model.eval().save_pretrained(tmp_path)
    task = task_from_hugging_face(tmp_path, source_language="en_XX", target_language="hsb_DE")
    tokenizer.src_lang = "en_XX"
    for text in TEXTS[:4]:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            ids = model.generate(**inputs, num_beams=1, early_stopping=False, forced_bos_token_id=language)[0]
        kept = [token for token in ids.tolist() if token != language]
        assert task(text, num_beams=1) == tokenizer.decode(kept, skip_special_tokens=True).lstrip(" ")
    other = task_from_hugging_face(tmp_path, source_language="en_XX", target_language="ro_RO")
    assert other(TEXTS[:4], num_beams=1) != task(TEXTS[:4], num_beams=1)


def test_languages_of_the_files(mbart, tmp_path):
    """The checkpoint's own target language, as of mbart-large-en-ro, then the tokenizer's; English is the source."""
    tokenizer = mbart[2]
    english, romanian, czech = tokenizer.convert_tokens_to_ids(["en_XX", "ro_RO", "cs_CZ"])
    write_mbart(tmp_path, config={"tgt_lang": "cs_CZ"}, decoder_start_token_id=romanian)
    settings = zoo.load(tmp_path).settings
    assert (settings.source_suffix_ids, settings.start_token_id) == ((tokenizer.eos_token_id, english), romanian)
    settings = task_from_hugging_face(tmp_path, target_language="cs_CZ").settings
    assert (settings.start_token_id, settings.forced_first_token_id) == (czech, None)
    write_mbart(tmp_path, config={"src_lang": "ro_RO", "tgt_lang": "cs_CZ"})
    settings = zoo.load(tmp_path).settings
    assert (settings.source_suffix_ids[1], settings.start_token_id) == (romanian, czech)


def test_the_class_of_the_tokenizer_in_config_json(mbart50, tmp_path):
    """As mbart-large-50 has it."""
    write_mbart(tmp_path, "mbart50")
    (tmp_path / "tokenizer_config.json").unlink()
    content = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**content, "tokenizer_class": "MBart50Tokenizer"}))
    task = task_from_hugging_face(tmp_path, target_language="sl_SI")
    assert task.tokenizer.vocabulary_size == len(mbart50[2])


def assert_refused(words, function, *arguments, **options):
    with pytest.raises(UserError) as caught:
        function(*arguments, **options)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_languages_that_are_refused(mbart, mbart50, pegasus, tmp_path, refused):
    known = "is not one of the model's: ar_AR, cs_CZ, de_DE, en_XX, es_XX and"
    assert_refused(f"'sl_SI' {known} 20 more", task_from_hugging_face, mbart[0], target_language="sl_SI")
    words = f"the source language 'en' {known} 47 more"
    assert_refused(words, convert, mbart50[0], tmp_path / "p", source_language="en")
    assert_refused("does not say into which language it translates; name it", zoo.load, mbart[0])
    assert_refused("does not say into which language it translates; name it", zoo.load, mbart50[0])
    words = "holds a pegasus, which has no target language to choose"
    assert_refused(words, task_from_hugging_face, pegasus[0], target_language="en_XX")
    write_bart(tmp_path / "bart")
    words = "holds a bart, which has no source language to choose"
    assert_refused(words, task_from_hugging_face, tmp_path / "bart", source_language="en_XX")
    argv = [mbart[0], tmp_path / "p", "--to", "hugging-face", "--target-language", "ro_RO"]
    assert "--target-language is for presets of Hugging Face directories" in refused(main, argv)
    assert not (tmp_path / "p").exists()


@pytest.mark.usefixtures("untraced_tasks")
def test_the_target_language_of_a_marian(tmp_path):
    write_marian(tmp_path)
    task = task_from_hugging_face(tmp_path, target_language="deu")
    plain = zoo.load(tmp_path)
    texts = TEXTS[:12]
    prefixed = [f">>deu<< {text}" for text in texts]
    assert task(texts, num_beams=1) == plain(prefixed, num_beams=1) != plain(texts, num_beams=1)
    words = "the target language 'de' is not one of the model's: fra, deu"
    assert_refused(words, task_from_hugging_face, tmp_path, target_language="de")
