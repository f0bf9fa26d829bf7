"""TensorFlow clears its kernels when a seed is set; a tokenizer made before must go on working."""

import keras
import tensorflow as tf


def test_setting_a_seed_leaves_tokenizers_alive(tokenizer):
    texts = ["A man rides a horse.", "größer"]
    traced = tf.function(
        lambda texts: tokenizer.encode(texts).values, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    expected, expected_traced = tokenizer.encode(texts).to_list(), traced(texts).numpy().tolist()
    tf.random.set_seed(3)
    assert tokenizer.encode(texts).to_list() == expected
    keras.utils.set_random_seed(4)
    assert traced(texts).numpy().tolist() == expected_traced == [token_id for row in expected for token_id in row]
