"""Marian and BART from a Hugging Face directory to a SavedModel, which gives the texts of transformers' `generate`."""

import json

import tensorflow as tf
from tiny_checkpoints import answers_of_transformers, sentences, write_bart, write_marian

import zoo
from export.saved_model import export_saved_model
from zoo.convert import main
from zoo.weights.packed_matrix import PANEL_WIDTH

TEXTS = [*sentences(24, seed=4), "größer 中文 ☃"]


def served(directory, name, write, capsys):
    """Converts, exports and reloads a tiny model.

    Returns:
        The task of the preset, the line that the converter printed, transformers' model and tokenizer, and the outputs.
    """
    reference = write(directory / "source")
    main([str(directory / "source"), str(directory / "preset")])
    printed = capsys.readouterr().out
    task = zoo.load(directory / "preset")
    version = export_saved_model(task, directory / "serving" / name, parity_texts=TEXTS[:6], max_batch_size=4)
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert report["max_score_difference"] < 1e-4 and report["servers"][-1] == "2.20"
    outputs = tf.saved_model.load(str(version)).signatures["serving_default"](text=tf.constant(TEXTS))
    return task, printed, *reference, {key: value.numpy() for key, value in outputs.items()}


def test_marian(tmp_path, capsys):
    task, printed, model, tokenizer, outputs = served(tmp_path, "translation", write_marian, capsys)
    assert printed == f"{tmp_path / 'preset'}: a preset of Translator\n"
    assert task.unpack(outputs) == answers_of_transformers(model, tokenizer, TEXTS)
    assert outputs.keys() == {"text", "score"} and len(set(task.unpack(outputs))) > 8


def test_bart(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("zoo.weights.packed_weights.MIN_DECODER_BYTES", 1)
    task, printed, model, tokenizer, outputs = served(tmp_path, "summaries", write_bart, capsys)
    assert printed == f"{tmp_path / 'preset'}: a preset of Summarizer\n"
    assert task.unpack(outputs) == answers_of_transformers(model, tokenizer, TEXTS)
    assert not outputs["truncated"].any() and len(set(task.unpack(outputs))) > 15
    version = tmp_path / "serving" / "summaries" / "1"
    shapes = [shape for _, shape in tf.train.list_variables(str(version / "variables" / "variables"))]
    decoder_kernels = 2 * (1 + 1 + 4 + 2)  # query, key and value of self-attention are one
    assert sum(len(shape) == 3 and shape[2] == PANEL_WIDTH for shape in shapes) == 1 + decoder_kernels
    served_again = tf.saved_model.load(str(version)).signatures["serving_default"]
    assert served_again(text=tf.constant([" ".join(TEXTS), "a"]))["truncated"].numpy().tolist() == [True, False]


def test_a_task_may_be_named(tmp_path, capsys, refused):
    write_bart(tmp_path / "source")
    main([str(tmp_path / "source"), str(tmp_path / "preset"), "--task", "translation"])
    assert capsys.readouterr().out == f"{tmp_path / 'preset'}: a preset of Translator\n"
    for target, options, message in (
        ("other", ["--task", "translation", "--to", "hugging-face"], "--task is for presets of Hugging Face"),
        ("other", ["--to", "hugging-face"], "is a Hugging Face directory of an encoder-decoder already"),
    ):
        assert message in refused(main, [tmp_path / "source", tmp_path / target, *options])
