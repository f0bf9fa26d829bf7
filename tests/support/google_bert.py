"""BERT as a TensorFlow 1 graph with the variable names of Google's programs, written from the paper."""

import json

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
SIZES = dict(
    vocab_size=37,
    hidden_size=12,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=20,
    max_position_embeddings=9,
    type_vocab_size=3,
    hidden_act="gelu",
    hidden_dropout_prob=0.1,
    attention_probs_dropout_prob=0.1,
)
D, H = SIZES["hidden_size"], SIZES["num_attention_heads"]


def variable(name, *shape):
    mean = float(name == "gamma")
    return v1.get_variable(name, shape, initializer=v1.random_normal_initializer(mean, 0.3))


def dense(x, units, scope):
    with v1.variable_scope(scope):
        return tf.tensordot(x, variable("kernel", x.shape[-1], units), 1) + variable("bias", units)


def layer_norm(x):
    with v1.variable_scope("LayerNorm"):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return variable("gamma", D) * (x - mean) / tf.sqrt(variance + 1e-12) + variable("beta", D)


def gelu(x):
    return 0.5 * x * (1.0 + tf.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


def heads(x):
    return tf.transpose(tf.reshape(x, [*x.shape[:2], H, D // H]), [0, 2, 1, 3])


def block(x, mask):
    with v1.variable_scope("attention"):
        with v1.variable_scope("self"):
            query, key, value = (heads(dense(x, D, name)) for name in ("query", "key", "value"))
            scores = tf.matmul(query, key, transpose_b=True) / np.sqrt(D / H)
            scores += -10000.0 * (1.0 - tf.cast(mask, tf.float32))[:, None, None, :]
            attended = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
        with v1.variable_scope("output"):
            x = layer_norm(x + dense(tf.reshape(attended, x.shape), D, "dense"))
    with v1.variable_scope("intermediate"):
        inner = gelu(dense(x, SIZES["intermediate_size"], "dense"))
    with v1.variable_scope("output"):
        return layer_norm(x + dense(inner, D, "dense"))


def bert(token_ids, mask, segment_ids):
    with v1.variable_scope("bert"):
        with v1.variable_scope("embeddings"):
            words = variable("word_embeddings", SIZES["vocab_size"], D)
            segments = variable("token_type_embeddings", SIZES["type_vocab_size"], D)
            positions = variable("position_embeddings", SIZES["max_position_embeddings"], D)
            x = tf.gather(words, token_ids) + tf.gather(segments, segment_ids) + positions[: token_ids.shape[1]]
            x = layer_norm(x)
        with v1.variable_scope("encoder"):
            for i in range(SIZES["num_hidden_layers"]):
                with v1.variable_scope(f"layer_{i}"):
                    x = block(x, mask)
        with v1.variable_scope("pooler"):
            pooled = tf.tanh(dense(x[:, 0], D, "dense"))
    return x, pooled, words


def pretraining_heads(x, pooled, words):
    with v1.variable_scope("cls/predictions"):
        with v1.variable_scope("transform"):
            transformed = layer_norm(gelu(dense(x, D, "dense")))
        tokens = tf.tensordot(transformed, words, [[2], [1]]) + variable("output_bias", SIZES["vocab_size"])
    with v1.variable_scope("cls/seq_relationship"):
        weights = variable("output_weights", 2, D)
        next_sentence = tf.matmul(pooled, weights, transpose_b=True) + variable("output_bias", 2)
    return {"token_logits": tokens, "next_sentence_logits": next_sentence}


def classifier_head(pooled, num_labels):
    weights = variable("output_weights", num_labels, D)
    return {"logits": tf.matmul(pooled, weights, transpose_b=True) + variable("output_bias", num_labels)}


def write(directory, kind, token_ids, mask, segment_ids):
    """Saves random weights as Google's programs do, and returns the outputs by name."""
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(7)
        x, pooled, words = bert(tf.constant(token_ids), tf.constant(mask), tf.constant(segment_ids))
        outputs = {"hidden_states": x, "pooled": pooled}
        if kind == "pretraining":
            outputs |= pretraining_heads(x, pooled, words)
        if kind == "sequence_classifier":
            outputs |= classifier_head(pooled, 4)
        v1.train.get_or_create_global_step()
        with v1.variable_scope("bert/pooler/dense/kernel"):
            variable("adam_m", D, D)
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(directory / "bert_model.ckpt"), write_meta_graph=False)
        (directory / "bert_config.json").write_text(json.dumps(SIZES))
        return session.run(outputs)
