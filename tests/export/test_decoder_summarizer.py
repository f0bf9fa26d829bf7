"""Exports of summarizers over a decoder: a fresh process gives Python's summaries, by the signatures of the others."""

import json

import tensorflow as tf
from tiny_decoder_summarizer import NEW, TEXTS, make_decoder_summarizer

from export.saved_model import export_saved_model


def test_every_signature_answers_as_python(tmp_path):
    summarizer = make_decoder_summarizer(num_beams=2)
    version = export_saved_model(summarizer, tmp_path / "summaries", parity_texts=TEXTS, max_batch_size=8)
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert report["rows"] > 2 * len(TEXTS) and report["max_score_difference"] < 1e-4
    assert report["servers"] == ["2.11", *(f"2.{minor}" for minor in range(12, 21))]
    signatures = tf.saved_model.load(str(version)).signatures
    assert set(signatures) == {"serving_default", "generate"}
    served = signatures["serving_default"](text=tf.constant(TEXTS))
    assert set(served) == {"text", "score", "truncated"}
    assert [text.decode() for text in served["text"].numpy()] == summarizer(TEXTS)
    assert served["truncated"].numpy().tolist() == [text == "low " * 30 for text in TEXTS]
    limits = [NEW, 1, 3, 5]
    found = signatures["generate"](
        text=tf.constant(["low", "the quick", "slow fox", "é"]),
        max_new_tokens=tf.constant(limits),
        min_new_tokens=tf.constant([3, 0, 1, 0]),
        length_penalty=tf.constant([0.0, 1.0, 2.0, 0.5]),
    )
    assert found["text"].numpy()[2].decode() == summarizer(
        "slow fox", max_new_tokens=3, min_new_tokens=1, length_penalty=2.0
    )
