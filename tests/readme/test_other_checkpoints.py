"""The README's translators and summarizers of other programs: converted, exported and trained on."""

import pytest
from readme_commands import find, run_module
from tiny_checkpoints import TARGET_WORDS, sentences, write_bart, write_marian
from tiny_sentencepiece import write_mbart, write_t5


def test_a_translator_is_converted_exported_and_trained_on(tmp_path):
    write_marian(tmp_path / "opus-mt-en-de")
    assert "a preset of Translator" in run_module(find("zoo.convert", "opus-mt-en-de"), tmp_path)
    assert "published" in run_module(find("export", "presets/en-de"), tmp_path)
    for name, count in (("medical", 30), ("medical-heldout", 4)):
        pairs = zip(sentences(count, seed=3), sentences(count, TARGET_WORDS, seed=4), strict=True)
        text = "".join(f"{source}\t{target}\n" for source, target in pairs)
        (tmp_path / f"{name}.tsv").write_text(text, encoding="utf-8")
    assert "validation: 4 sentences" in run_module(find("recipes.translation", "presets/en-de"), tmp_path)


def test_a_summarizer_is_converted_and_exported(tmp_path):
    write_bart(tmp_path / "bart-large-cnn")
    assert "a preset of Summarizer" in run_module(find("zoo.convert", "bart-large-cnn"), tmp_path)
    assert "published" in run_module(find("export", "presets/summaries"), tmp_path)


@pytest.mark.parametrize(
    ("write", "source", "option", "task"),
    [
        (
            lambda path: write_mbart(path, "mbart50"),
            "mbart-large-50-many-to-many-mmt",
            "--target-language",
            "Translator",
        ),
        (write_t5, "t5-small", "--source-prefix", "Summarizer"),
    ],
)
def test_options_of_conversion(tmp_path, write, source, option, task):
    write(tmp_path / source)
    assert f"a preset of {task}" in run_module(find("zoo.convert", option), tmp_path)
