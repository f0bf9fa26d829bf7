"""Searches in the settings of tasks, as objects and by the names of their values; presets keep them as they did."""

import json
from dataclasses import replace

import pytest
from tiny_generator import PROMPTS, make_generator

import zoo
from zoo.errors import UserError
from zoo.generation import BeamSearch, Greedy, Sampling
from zoo.tasks import GenerationSettings, SummarizationSettings, TranslationSettings
from zoo.tasks.search_settings import flat_settings

SAVED = {
    "num_beams": 3,
    "length_penalty": 0.6,
    "length_penalty_type": "gnmt",
    "max_new_tokens": 14,
    "min_new_tokens": 0,
    "max_tokens_factor": 3.0,
    "max_tokens_offset": 16,
    "no_repeat_ngram_size": 0,
    "max_source_length": 24,
    "stopping": "first",
    "start_token_id": None,
    "suppressed_token_ids": [7],
    "renormalize": False,
    "forced_first_token_id": None,
    "forced_last_token_id": None,
    "source_prefix_ids": [],
    "source_suffix_ids": None,
    "source_prefix": "",
    "clean_up_spaces": False,
}
"""Settings as version 0.1 wrote them into presets."""


def test_settings_of_earlier_presets_are_the_same_as_objects():
    settings = TranslationSettings(**SAVED)
    assert settings.search == BeamSearch(3, 0.6, "gnmt", "first")
    assert (settings.num_beams, settings.stopping, settings.max_new_tokens) == (3, "first", 14)
    assert json.loads(json.dumps(flat_settings(settings))) == {**SAVED, "count_start_token": False}
    others = {name: value for name, value in SAVED.items() if name not in TranslationSettings.search_names()}
    assert settings == TranslationSettings(search=settings.search, **others)
    assert hash(settings) == hash(TranslationSettings(**SAVED))
    changed = replace(settings, num_beams=1)
    assert changed.search == BeamSearch(1, 0.6, "gnmt", "first") and replace(changed, num_beams=3) == settings
    assert SummarizationSettings(length_penalty=2.0).search == BeamSearch(length_penalty=2.0)
    assert GenerationSettings(temperature=0.5).search == Sampling(temperature=0.5, top_p=0.95)
    assert GenerationSettings(Greedy(), 9) == GenerationSettings(search=Greedy(), max_new_tokens=9)
    assert replace(GenerationSettings(), search=Greedy()).temperature == 0.0
    with pytest.raises(AttributeError, match="GenerationSettings has no 'num_beams'"):
        GenerationSettings().num_beams  # noqa: B018


@pytest.mark.usefixtures("untraced_tasks")
def test_greedy_search_of_tasks(tiny_translator, tmp_path):
    greedy = tiny_translator.with_settings(search=Greedy())
    texts = ["the horse", "a man"]
    assert greedy(texts) == tiny_translator(texts, num_beams=1)
    assert greedy(texts, num_beams=3) == tiny_translator(texts)
    assert set(greedy.controls) == {"max_new_tokens", "min_new_tokens"}
    greedy.save(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["task_config"]["settings"]["search"] == "Greedy"
    again = zoo.load(tmp_path)
    assert again.settings == greedy.settings and again.n_best(texts, 1) == greedy.n_best(texts, 1)
    assert again.with_settings(search="BeamSearch").settings.search == BeamSearch()
    with pytest.raises(UserError, match="search must be BeamSearch or Greedy, got Sampling"):
        tiny_translator.with_settings(search=Sampling())


@pytest.mark.usefixtures("untraced_tasks")
def test_greedy_search_of_a_generator():
    generator = make_generator()
    greedy = generator.with_settings(search=Greedy())
    assert greedy(PROMPTS) == generator(PROMPTS, temperature=0.0) and not greedy.draws and generator.draws
    assert list(greedy.controls) == ["max_new_tokens", "min_new_tokens", "stop", "so_far"]
    assert greedy.with_settings(temperature=0.5).settings.search == Sampling(temperature=0.5)
    with pytest.raises(UserError, match="greedy search finds one sequence for each row, not 2"):
        greedy.samples(PROMPTS[0], 2)
