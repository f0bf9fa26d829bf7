"""Hugging Face directories of GPT-2 and RoBERTa as tasks: what transformers generates and answers."""

import json
import random

import numpy as np
import pytest
import torch
import transformers
from tiny_byte_pair import MASK, gpt2_tokenizer, roberta_tokenizer, write_tokenizer

import zoo
from zoo.convert.conversion import convert
from zoo.data.readers.tag_schemes import tags_to_spans
from zoo.errors import UserError
from zoo.tasks import GenerationSettings, load_pretrained_encoder

WORDS = ["low", "lower", "slowest", "quick", "brown", "fox", "jumps", "over", "it's", "Köln", "12", "😀", "dog,"]


def sentences(count, seed=3):
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randrange(1, 9))) for _ in range(count)]


PROMPTS = [*sentences(48), "x", " low", "fox ", "\n\n", "  a  b", "中文 ☃", "don't", "12"]


def write_gpt2(directory, cls=transformers.GPT2LMHeadModel, **options):
    """A model whose most probable tokens are far from the others, with its tokenizer; returns both."""
    tokenizer = gpt2_tokenizer()
    config = transformers.GPT2Config(
        vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_positions=96, bos_token_id=0, eos_token_id=0, **options
    )
    model = randomised(cls(config))
    with torch.no_grad():
        # The end comes now and then.
        (model.transformer if hasattr(model, "transformer") else model).wte.weight[0] *= 1.4
    model.save_pretrained(directory)
    return model, write_tokenizer(directory, tokenizer, "gpt2")


def randomised(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            if weight.ndim == 2:
                scale = 1.0 if "wte" in path or "embeddings" in path else 0.4
                weight.copy_(scale * torch.randn(weight.shape, generator=generator))
    return model.eval()


def continued(model, tokenizer, prompts, **options):
    """What `generate` adds to each prompt, as text without special tokens, and ids."""
    texts, ids = [], []
    for prompt in prompts:
        inputs = tokenizer(prompt, return_tensors="pt")
        with torch.no_grad():
            found = model.generate(**inputs, pad_token_id=0, **options)[0, inputs["input_ids"].shape[1] :]
        texts.append(tokenizer.decode(found, skip_special_tokens=True))
        ids.append(found.tolist())
    return texts, ids


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    directory = tmp_path_factory.mktemp("gpt2")
    return directory, *write_gpt2(directory), zoo.load(directory)


def settings_file(directory, **content):
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": 0, **content}))


@pytest.mark.parametrize(
    "options",
    [
        {"max_new_tokens": 24},
        {"max_new_tokens": 20, "repetition_penalty": 1.4, "no_repeat_ngram_size": 2, "min_new_tokens": 6},
    ],
    ids=["plain", "penalties"],
)
def test_continuations_are_those_of_transformers(gpt2, options):
    _, model, tokenizer, task = gpt2
    assert isinstance(task, zoo.TextGenerator) and task.settings.temperature == 0.0
    task = task.with_settings(**options)
    prompts = PROMPTS if "repetition_penalty" not in options else PROMPTS[::3]
    expected, ids = continued(model, tokenizer, prompts, do_sample=False, **options)
    found = [row[0] for row in task.samples(prompts, 1)]
    assert [generation.text for generation in found] == expected
    # Tokens, too: an end token is not counted.
    assert [generation.num_tokens for generation in found] == [len(row) - (row[-1] == 0) for row in ids]
    assert len(PROMPTS) >= 50 and len(set(expected)) > 0.8 * len(expected)
    if "repetition_penalty" not in options:
        assert 2 < sum(row[-1] == 0 for row in ids) < len(ids)


@pytest.mark.usefixtures("untraced_tasks")
def test_the_files_settings_are_followed(gpt2):
    directory, _, tokenizer, _ = gpt2
    settings_file(directory, max_new_tokens=9, repetition_penalty=1.3, eos_token_id=[0], temperature=0.7)
    task = zoo.load(directory)
    assert (task.settings.temperature, task.settings.top_p, task.settings.top_k) == (0.0, 1.0, 0)
    assert (
        task(PROMPTS[:9])
        == continued(transformers.GPT2LMHeadModel.from_pretrained(directory), tokenizer, PROMPTS[:9])[0]
    )
    settings_file(directory, do_sample=True, temperature=0.7, top_p=0.8, min_p=0.1, max_length=30, bos_token_id=0)
    settings = zoo.load(directory).settings
    assert (settings.temperature, settings.top_p, settings.min_p, settings.top_k) == (0.7, 0.8, 0.1, 50)
    assert (settings.max_new_tokens, settings.max_source_length) == (29, 67)
    settings_file(directory, max_length=96)
    assert zoo.load(directory).settings.max_new_tokens == 48
    (directory / "generation_config.json").unlink()
    assert zoo.load(directory).settings == GenerationSettings(
        max_new_tokens=48, temperature=0.0, top_p=1.0, max_source_length=48
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"eos_token_id": 5}, "eos_token_id 5 is not supported; the tokenizer's end token is 0"),
        ({"eos_token_id": [4, 5]}, r"eos_token_id \[4, 5\] is not supported; the tokenizer's end token is 0"),
        ({"bad_words_ids": [[5]]}, r"bad_words_ids \[\[5\]\] is not supported"),
        ({"suppress_tokens": [5]}, "suppress_tokens"),
        ({"num_beams": 4}, "num_beams 4 is not supported"),
        ({"min_length": 4}, "min_length 4 is not supported"),
        ({"do_sample": "yes"}, "do_sample 'yes' is not supported"),
        ({"do_sample": True, "temperature": 0.0}, "temperature 0 is not supported with do_sample"),
        ({"do_sample": True, "typical_p": 0.9}, "typical_p 0.9 is not supported"),
        ({"do_sample": True, "top_p": 1.5}, "top_p must be between"),
        ({"max_new_tokens": -1}, "max_new_tokens -1 is not supported"),
        ({"no_repeat_ngram_size": 1.5}, "no_repeat_ngram_size must be an integer"),
        ({"stop_strings": ["x"]}, "stop_strings"),
        ({"contrastive": 2}, "contrastive 2 is not supported"),
    ],
    ids=str,
)
def test_settings_that_are_refused(gpt2, content, words):
    settings_file(gpt2[0], **content)
    try:
        with pytest.raises(UserError, match=words) as caught:
            zoo.load(gpt2[0])
        assert str(gpt2[0]) in str(caught.value) and "\n" not in str(caught.value)
    finally:
        (gpt2[0] / "generation_config.json").unlink()


@pytest.mark.usefixtures("untraced_tasks")
def test_a_token_before_every_prompt(tmp_path):
    model, _ = write_gpt2(tmp_path)
    theirs = write_tokenizer(tmp_path, gpt2_tokenizer(), "gpt2", around="begin")
    task = zoo.load(tmp_path).with_settings(max_new_tokens=12)
    assert task.settings.begin_token
    assert task(PROMPTS[:9]) == continued(model, theirs, PROMPTS[:9], max_new_tokens=12)[0]
    write_tokenizer(tmp_path, gpt2_tokenizer(), "gpt2", around="both")
    with pytest.raises(UserError, match="an end token behind every prompt is not supported"):
        zoo.load(tmp_path)
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match="needs a byte-level BPE tokenizer"):
        zoo.load(tmp_path)


def test_generators_there_and_back(gpt2, tmp_path):
    """A directory, a preset of it, and a directory again, from which transformers generates the same."""
    directory, _, _, task = gpt2
    assert convert(directory, tmp_path / "preset").endswith("a preset of TextGenerator")
    again = zoo.load(tmp_path / "preset")
    assert again.settings == task.settings and again(PROMPTS[:5]) == task(PROMPTS[:5])
    settings = dict(max_new_tokens=11, min_new_tokens=2, repetition_penalty=1.2, stop=("q",))
    changed = again.with_settings(**settings)
    changed.save(tmp_path / "changed")
    assert "without its stop strings ['q']" in convert(tmp_path / "changed", tmp_path / "model", to="hugging-face")
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not any(report.values())
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    expected = continued(theirs.eval(), tokenizer, PROMPTS[::4])[0]
    assert expected == changed.with_settings(stop=())(PROMPTS[::4]) and len(set(expected)) > 0.8 * len(expected)
    drawn = again.with_settings(temperature=0.6, top_k=7, top_p=0.9, min_p=0.05)
    drawn.save(tmp_path / "drawn")
    convert(tmp_path / "drawn", tmp_path / "drawn_model", to="hugging-face")
    assert zoo.load(tmp_path / "drawn_model").settings == drawn.settings
    assert transformers.GenerationConfig.from_pretrained(tmp_path / "drawn_model").top_k == 7


@pytest.mark.usefixtures("untraced_tasks")
def test_the_bare_model(tmp_path):
    reference, tokenizer = write_gpt2(tmp_path, transformers.GPT2Model)
    with_head = transformers.GPT2LMHeadModel(reference.config).eval()
    with_head.transformer.load_state_dict(reference.state_dict())
    with_head.tie_weights()
    task = zoo.load(tmp_path).with_settings(max_new_tokens=9)
    assert task(PROMPTS[:9]) == continued(with_head, tokenizer, PROMPTS[:9], max_new_tokens=9)[0]


TEXTS = [*sentences(12, seed=5), "", " low fox", "fox  dog\n\n12", "it's 中文."]


def write_roberta(directory, cls, **options):
    """A model of random weights with its tokenizer; returns both."""
    tokenizer = roberta_tokenizer()
    config = transformers.RobertaConfig(
        vocab_size=tokenizer.vocabulary_size,
        hidden_size=16,
        intermediate_size=24,
        num_attention_heads=2,
        num_hidden_layers=2,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        **options,
    )
    model = randomised(cls(config), seed=1)
    model.save_pretrained(directory)
    return model, write_tokenizer(directory, tokenizer, "roberta")


def outputs(model, tokenizer, texts):
    with torch.no_grad():
        return model(**tokenizer(texts, padding=True, return_tensors="pt"))


@pytest.mark.usefixtures("untraced_tasks")
def test_classes_are_those_of_transformers(tmp_path):
    labels = {0: "x", 1: "y", 2: "z"}
    model, tokenizer = write_roberta(tmp_path / "one", transformers.RobertaForSequenceClassification, id2label=labels)
    classifier = zoo.load(tmp_path / "one")
    expected = outputs(model, tokenizer, TEXTS).logits.numpy()
    np.testing.assert_allclose(classifier.logits(TEXTS), expected, rtol=0, atol=1e-4)
    assert np.ptp(expected, axis=0).min() > 0.5
    classifier.save(tmp_path / "preset")
    convert(tmp_path / "preset", tmp_path / "two", to="hugging-face")
    again = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "two").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "two")
    np.testing.assert_allclose(outputs(again, tokenizer, TEXTS).logits.numpy(), expected, rtol=0, atol=1e-4)


TAGS = ("O", "I-person", "I-place")
# The pipeline takes a word that begins with half a character, or with a blank alone, for a part of the one before.
READABLE = [text for text in sentences(60, seed=6) if not set(text) & set("',ö😀")]


@pytest.mark.usefixtures("untraced_tasks")
def test_entities_are_those_of_the_pipeline(tmp_path):
    """Of texts in which words are what is between blanks, as they are there for this kind of tokenizer."""
    write_roberta(tmp_path, transformers.RobertaForTokenClassification, id2label=dict(enumerate(TAGS)))
    recognizer = zoo.load(tmp_path).with_settings(word_scores="first")
    reference = transformers.pipeline("token-classification", model=str(tmp_path), aggregation_strategy="first")
    expected = [[(e["entity_group"], e["start"], e["end"]) for e in row] for row in reference(READABLE)]
    assert [[(e["label"], e["start"], e["end"]) for e in row] for row in recognizer(READABLE)] == expected
    assert len(READABLE) > 9 and sum(map(len, expected)) > 20


@pytest.mark.usefixtures("untraced_tasks")
def test_entities_without_blanks(tmp_path):
    """Words and blanks of all kinds, from the logits and words of transformers."""
    model, tokenizer = write_roberta(
        tmp_path, transformers.RobertaForTokenClassification, id2label=dict(enumerate(TAGS))
    )
    recognizer = zoo.load(tmp_path)
    found = recognizer(TAGGED)
    for text, entities in zip(TAGGED, found, strict=True):
        expected = entities_of(model, tokenizer, text, trims=True)
        assert [(e["label"], e["start"], e["end"]) for e in entities] == expected
        assert all(e["text"] == text[e["start"] : e["end"]] == e["text"].strip() for e in entities)
    assert sum(map(len, found)) > 40


TAGGED = [*TEXTS, *sentences(20, seed=7), "low\u3000 \u00a0fox", "  ", "a\n\nb\t c  ", " Köln  Köln, 中 😀 12"]


def entities_of(model, tokenizer, text, trims):
    """From the logits, words and places of transformers; with `trims` without blanks."""
    inputs = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        scores = torch.log_softmax(model(**inputs).logits[0], -1).numpy()
    words = {}
    for place, word in enumerate(inputs.word_ids()):
        if word is not None:
            words.setdefault(word, []).append(place)
    tags, spans = [], []
    for places in words.values():
        start, end = (inputs.token_to_chars(place)[i] for place, i in ((places[0], 0), (places[-1], 1)))
        if text[start:end].strip() or not trims:
            start += len(text[start:end]) - len(text[start:end].lstrip()) if trims else 0
            tags.append(TAGS[scores[places].mean(axis=0).argmax()])
            spans.append((start, end))
    return [(label, spans[first][0], spans[end - 1][1]) for first, end, label in tags_to_spans(tags, "IOB1")]


@pytest.mark.usefixtures("untraced_tasks")
def test_entities_that_begin_with_a_blank(tmp_path):
    """As transformers gives them after trim_offsets false, in either file."""
    model, _ = write_roberta(tmp_path, transformers.RobertaForTokenClassification, id2label=dict(enumerate(TAGS)))
    path = tmp_path / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "trim_offsets": False}))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    expected = [entities_of(model, tokenizer, text, trims=False) for text in TAGGED]
    assert sum(TAGGED[row][start] == " " for row, found in enumerate(expected) for _, start, _ in found) > 10

    def found():
        return [[(e["label"], e["start"], e["end"]) for e in entities] for entities in zoo.load(tmp_path)(TAGGED)]

    assert found() == expected
    path.write_text(json.dumps(config))
    transformers.AutoTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert found() != expected
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "post_processor": {**content["post_processor"], "trim_offsets": False}}))
    assert found() == expected


@pytest.mark.usefixtures("untraced_tasks")
def test_blanks_are_those_of_the_pipeline(tmp_path):
    write_roberta(tmp_path, transformers.RobertaForMaskedLM)
    model = zoo.load(tmp_path)
    pipeline = transformers.pipeline("fill-mask", model=str(tmp_path), top_k=5)
    for text in (f"low {MASK} fox", f"{MASK}", f"the{MASK} {MASK}.", f"it's \n{MASK}{MASK} 中"):
        expected = pipeline(text)
        expected = expected if isinstance(expected[0], list) else [expected]
        answer = model(text)
        for ours, theirs in zip(answer, expected, strict=True):
            assert [c["token"] for c in ours] == [c["token_str"] for c in theirs]
            np.testing.assert_allclose([c["score"] for c in ours], [c["score"] for c in theirs], atol=1e-5)
    assert model("no blank") == []


def test_encoders_for_new_heads(tmp_path):
    reference, theirs = write_roberta(tmp_path, transformers.RobertaModel)
    encoder, tokenizer = load_pretrained_encoder(tmp_path, pooler=True)
    ids = theirs(TEXTS[0])["input_ids"]
    assert ids == [0, *tokenizer.encode(TEXTS[:1]).to_list()[0], 2]
    found = encoder({"token_ids": np.array([ids]), "padding_mask": np.ones((1, len(ids)), "int32")})
    expected = outputs(reference, theirs, TEXTS[:1])
    np.testing.assert_allclose(found["hidden_states"], expected.last_hidden_state, atol=1e-4)
    np.testing.assert_allclose(found["pooled"], expected.pooler_output, atol=1e-4)
    with pytest.raises(UserError, match="holds a bare encoder"):
        zoo.load(tmp_path)


def test_what_encoders_need(tmp_path):
    write_roberta(tmp_path, transformers.RobertaForMaskedLM)
    write_tokenizer(tmp_path, roberta_tokenizer(), "roberta", around="none")
    with pytest.raises(UserError, match="puts no special tokens around texts is not supported"):
        zoo.load(tmp_path)
