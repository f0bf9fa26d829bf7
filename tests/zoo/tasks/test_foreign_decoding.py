"""How the files of encoder-decoders want answers: which file counts, what ends an answer, how text is cleaned."""

import json
import random

import pytest
import tensorflow as tf
import torch
import transformers
from tiny_checkpoints import sentences
from tiny_sentencepiece import write_mbart, write_pegasus, write_t5

import zoo
from zoo.checkpoints import load_hugging_face
from zoo.errors import UserError
from zoo.tokenizers.clean_up_spaces import clean_up_spaces

pytestmark = pytest.mark.usefixtures("untraced_tasks")

TEXTS = sentences(8, seed=3)


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def generated(directory, texts):
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    answers = []
    for text in texts:
        with torch.no_grad():
            ids = model.generate(**tokenizer(text, return_tensors="pt"))[0]
        answers.append(tokenizer.decode(ids, skip_special_tokens=True).lstrip(" "))
    return answers


@pytest.fixture(scope="module")
def pegasus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pegasus")
    model, tokenizer = write_pegasus(directory)
    nameless = list(range(len(tokenizer), model.config.vocab_size))
    edit(directory / "generation_config.json", max_length=10, num_beams=2, suppress_tokens=nameless)
    return directory


def copy(directory, target):
    for path in directory.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_generation_config_json_counts_alone(pegasus, tmp_path):
    """Keys of decoding in config.json, as files before 2023 have them, say nothing beside it."""
    copy(pegasus, tmp_path)
    edit(tmp_path / "config.json", num_beams=1, min_length=8, forced_bos_token_id=9, bad_words_ids=[[20]])
    content = json.loads((tmp_path / "generation_config.json").read_text())
    del content["forced_eos_token_id"]
    (tmp_path / "generation_config.json").write_text(json.dumps(content))
    assert json.loads((tmp_path / "config.json").read_text())["forced_eos_token_id"] == 1
    task = zoo.load(tmp_path)
    assert task.settings.forced_last_token_id is None and task.settings.forced_first_token_id is None
    assert task(TEXTS[:4]) == generated(tmp_path, TEXTS[:4])


@pytest.mark.parametrize("ids", [[1, 20], 20, [], None], ids=str)
def test_what_ends_an_answer(pegasus, tmp_path, ids):
    copy(pegasus, tmp_path)
    edit(tmp_path / "generation_config.json", eos_token_id=ids)
    with pytest.raises(UserError, match=r"eos_token_id \[.*\] is not supported; it must be the tokenizer's end"):
        zoo.load(tmp_path)
    edit(tmp_path / "generation_config.json", eos_token_id=[1])
    assert load_hugging_face(tmp_path).end_token_ids == (1,)


def test_an_answer_that_cannot_begin(pegasus, tmp_path):
    copy(pegasus, tmp_path)
    edit(tmp_path / "generation_config.json", decoder_start_token_id=None)
    with pytest.raises(UserError, match="decoder_start_token_id is missing, without which no answer can begin"):
        zoo.load(tmp_path)
    edit(tmp_path / "generation_config.json", decoder_start_token_id=120)
    with pytest.raises(
        UserError,
        match=r"decoder_start_token_id \(without it bos_token_id\) 120 is not supported: it is a token of text",
    ):
        zoo.load(tmp_path)


def test_blanks_that_are_cleaned_up():
    generator = random.Random(4)
    parts = [" ", "a", ".", "?", "!", ",", "'", "n't", "'m", "'s", "'ve", "'re", "é", "  "]
    texts = ["".join(generator.choices(parts, k=generator.randrange(12))) for _ in range(3000)]
    reference = transformers.PreTrainedTokenizerBase.clean_up_tokenization
    found = clean_up_spaces(tf.constant(texts)).numpy()
    assert [text.decode() for text in found] == [reference(None, text) for text in texts]


@pytest.mark.parametrize("kind", ["t5", "pegasus", "mbart"])
def test_answers_are_cleaned_where_the_files_say_so(tmp_path, kind):
    writer = {"t5": write_t5, "pegasus": write_pegasus, "mbart": write_mbart}[kind]
    options = {"config": {"tgt_lang": "ro_RO"}} if kind == "mbart" else {}
    model, tokenizer = writer(tmp_path, max_length=9, num_beams=2, no_repeat_ngram_size=0, **options)
    # Answers are of these tokens alone, so that a full stop comes behind a blank.
    allowed = set(tokenizer.convert_tokens_to_ids(["\u2581", ".", "\u2581man"])) - {tokenizer.unk_token_id}
    assert len(allowed) == 3
    suppressed = [token for token in range(model.config.vocab_size) if token not in allowed]
    edit(tmp_path / "generation_config.json", suppress_tokens=suppressed, forced_eos_token_id=None)
    for cleaned in (False, True):
        edit(tmp_path / "tokenizer_config.json", clean_up_tokenization_spaces=cleaned)
        task = zoo.load(tmp_path)
        assert task.settings.clean_up_spaces == cleaned
        found = task.with_settings(num_beams=2)(TEXTS[:4])
        if kind != "mbart":
            assert found == generated(tmp_path, TEXTS[:4])
        # The random PEGASUS writes no full stop behind a blank.
        if kind != "pegasus":
            assert any(" ." in text for text in found) != cleaned
