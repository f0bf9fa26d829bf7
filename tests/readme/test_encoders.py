"""The README's encoders: pretrained, fine-tuned, exported and converted."""

import pytest
from fine_tuning_data import write_classes, write_conll
from readme_commands import curl, find, run_module, write_corpus


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A directory in which a recognizer was trained."""
    directory = tmp_path_factory.mktemp("readme")
    write_conll(directory / "train.conll", 40, 1)
    write_conll(directory / "val.conll", 10, 2)
    write_hugging_face(directory / "bert-base-cased")
    run_module(find("recipes.ner", "runs/ner"), directory)
    return directory


def write_hugging_face(directory):
    """A BERT of random weights, as transformers saves it."""
    import transformers

    letters = [prefix + chr(code) for code in range(33, 127) for prefix in ("", "##")]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    sizes = dict(hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1)
    config = transformers.BertConfig(vocab_size=len(vocabulary), **sizes, max_position_embeddings=128)
    transformers.BertModel(config).save_pretrained(directory)
    (directory / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    (directory / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')


def test_fine_tuning_and_exporting_entities(workplace):
    write_classes(workplace / "train.csv", 1)
    assert "accuracy" in run_module(find("recipes.text_classification", "runs/intents"), workplace)
    assert "published" in run_module(find("export", "runs/ner"), workplace)
    guide = (workplace / "serving/ner/serving.md").read_text(encoding="utf-8")
    assert curl("ner")[-1] in guide


def test_pretraining(tmp_path):
    write_corpus(tmp_path)
    assert "[MASK]" in run_module(find("recipes.pretraining"), tmp_path)


def test_converting_there_and_back(workplace):
    assert "a Hugging Face directory" in run_module(find("zoo.convert", "--to"), workplace)
    assert "a preset of EntityRecognizer" in run_module(find("zoo.convert", "presets/ner"), workplace)
