import numpy as np
import pytest
import tensorflow as tf

from export.warm_up import WARM_UP_FILE, default_buckets, text_of_length, warm_up_requests, write_warm_up


@pytest.mark.parametrize(
    ("longest", "buckets"),
    [
        (64, (8, 16, 32, 64)),
        (20, (8, 16, 20)),
        (8, (8,)),
        (5, (5,)),
        (65, (8, 16, 32, 64, 65)),
        (1024, (8, 16, 32, 64, 128, 256, 512, 1024)),
        (1025, (8, 16, 32, 64, 128, 256, 512)),
    ],
)
def test_default_buckets_end_with_the_longest_input_that_is_not_too_long(longest, buckets):
    assert default_buckets(longest) == buckets


@pytest.mark.parametrize("num_tokens", [1, 2, 7, 50])
def test_text_of_length_has_that_many_tokens(folder, num_tokens):
    text = text_of_length(folder.tokenizer, ["Ein Mann", b"reitet"], num_tokens)
    assert folder.tokenizer.encode([text]).row_lengths().numpy().tolist() == [num_tokens]
    assert text.split() == [b"Ein", b"Mann", b"reitet"] * (num_tokens // 3) + [b"Ein", b"Mann"][: num_tokens % 3]


def test_text_of_length_stays_below_where_words_have_several_tokens():
    class LetterTokenizer:
        def encode(self, texts):
            return tf.strings.unicode_split(texts, "UTF-8")

    assert text_of_length(LetterTokenizer(), ["abc de f"], 7) == b"abc de"
    assert text_of_length(LetterTokenizer(), ["abc de f"], 8) == b"abc de f"
    assert text_of_length(LetterTokenizer(), ["abcdefgh"], 3) == b"abcdefgh"
    assert text_of_length(LetterTokenizer(), [""], 4) == b"word"


def test_every_signature_is_warmed_up_in_every_bucket(comparer):
    found = list(warm_up_requests(comparer, {8: b"one two", 20: b"three"}))
    assert [name for name, _ in found] == ["serving_default", "generate", "compare"] * 2
    assert {key: value.tolist() for key, value in found[-1][1].items()} == {"text": [b"three"], "other": [b"three"]}


def test_servers_refuse_more_than_a_thousand_records(tmp_path):
    request = ("serving_default", {"text": np.array([b"a"], dtype=object)})
    assert write_warm_up(tmp_path, [request] * 1000) == 1000
    (tmp_path / WARM_UP_FILE).unlink()
    with pytest.raises(ValueError, match="at most 1000"):
        write_warm_up(tmp_path, [request] * 1001)
    assert not (tmp_path / WARM_UP_FILE).exists()


def test_records_replay_through_the_official_messages(exported):
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    task, directory = exported
    loaded = tf.saved_model.load(str(directory))
    seen = set()
    for record in tf.data.TFRecordDataset(str(directory / WARM_UP_FILE)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        outputs = loaded.signatures[request.model_spec.signature_name](**inputs)
        assert outputs["text"].shape == [1]
        (tokens,) = task.tokenizer.encode(inputs["text"]).row_lengths().numpy().tolist()
        seen.add((request.model_spec.signature_name, tokens))
    # Buckets 8, 16 and 20, less the end token.
    assert seen == {(name, tokens) for name in ("serving_default", "generate") for tokens in (7, 15, 19)}
