"""Runs every search on the backend that KERAS_BACKEND names, compiled where it compiles, and prints JSON.

Run by `test_backends.py` in a process of its own. On JAX and PyTorch, TensorFlow cannot be imported here.
"""

import json
import os
import sys

BACKEND = os.environ["KERAS_BACKEND"]
if BACKEND != "tensorflow":
    sys.modules["tensorflow"] = None

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

from zoo.generation import TokenRules, beam_search, greedy_search  # noqa: E402

NUM_ROWS, LOOP_LENGTH, EOS, PAD = 5, 7, 2, 0
RULES = TokenRules(suppressed_token_ids=(PAD, 3), forced_first_token_id=6, forced_last_token_id=EOS)
CASES = {
    "greedy": {},
    "greedy without repeated bigrams": {"no_repeat_ngram_size": 2},
    "one beam": {"num_beams": 1},
    "gnmt": {"num_beams": 4, "num_return": 3},
    "average": {"num_beams": 3, "num_return": 3, "length_penalty_type": "average"},
    "none": {"num_beams": 4, "length_penalty_type": "none"},
    "ten beams": {"num_beams": 10, "num_return": 10},
    "beams without repeated bigrams": {"num_beams": 4, "num_return": 2, "no_repeat_ngram_size": 2},
    "more beams than vocabulary": {"num_beams": 9, "num_return": 9, "vocabulary_size": 5},
    "greedy under rules": {"token_rules": RULES, "no_repeat_ngram_size": 2},
    "beams under rules": {"num_beams": 4, "num_return": 3, "token_rules": RULES},
    "no room at all": {"num_beams": 2, "loop_length": 0},
}


def run(vocabulary_size=1500, loop_length=LOOP_LENGTH, **options):
    """One case: per-row controls, state that the search must reorder, logits that depend on it."""
    rng = np.random.default_rng(vocabulary_size)
    # Few tokens are probable, so that hypotheses end, come back to the same token and change places.
    tables = rng.normal(size=(13, vocabulary_size)).astype("float32")
    tables[:, :8] += 6.0 if vocabulary_size > 8 else 0.0
    # Without a part of its own for every position, the same steps in another order would tie.
    positions = rng.normal(size=(LOOP_LENGTH, vocabulary_size)).astype("float32")
    width = options.get("num_beams", 1)

    def step(token_ids, index, state):
        memory = (state["memory"] * 3 + token_ids + 1) % 13
        logits = ops.take(ops.convert_to_tensor(tables), memory, axis=0)
        return logits + ops.take(ops.convert_to_tensor(positions), index, axis=0), {"memory": memory}

    def search(start_ids, max_new_tokens, min_new_tokens, length_penalty, loop_length):
        memory = {"memory": ops.repeat(start_ids, width)}
        limits = dict(max_new_tokens=max_new_tokens, min_new_tokens=min_new_tokens, eos_id=EOS, pad_id=PAD)
        if "num_beams" in options:
            limits["length_penalty"] = length_penalty
        chosen = beam_search if "num_beams" in options else greedy_search
        return chosen(step, memory, start_ids, loop_length=loop_length, **limits, **options)

    controls = (
        np.arange(NUM_ROWS, dtype="int32"),
        np.array([7, 3, 6, 0, 7], "int32"),
        np.array([0, 0, 4, 0, 7], "int32"),
        np.array([0.0, 1.0, 2.0, 0.6, 1.0], "float32"),
    )
    if BACKEND == "tensorflow":
        import tensorflow as tf

        search = tf.function(
            search,
            input_signature=[
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([], tf.int32),
            ],
        )
        return search(*controls, tf.constant(loop_length))
    if BACKEND == "jax":
        import jax

        return jax.jit(search, static_argnums=4)(*controls, loop_length)
    return search(*(ops.convert_to_tensor(control) for control in controls), loop_length)


def decode_tags(learned):
    """Constrained tag decoding with a fixed number of places for entities."""
    from zoo.generation.tag_decoding import TagRules, best_tags, tag_spans

    rng = np.random.default_rng(7)
    rules = TagRules(("O", "B-a", "I-a", "B-b", "I-b"))
    transitions = ops.convert_to_tensor(rng.normal(size=(5, 5)).astype("float32")) if learned else None

    def decode(scores, lengths):
        tag_ids = best_tags(scores, lengths, rules, transitions)
        return tag_ids, tag_spans(tag_ids, scores, lengths, rules, max_spans=6)

    if BACKEND == "jax":
        import jax

        decode = jax.jit(decode)
    scores = ops.convert_to_tensor(rng.normal(size=(3, 9, 5)).astype("float32") * 2)
    tag_ids, spans = decode(scores, ops.convert_to_tensor(np.array([9, 4, 7], "int32")))
    fields = {"tag_ids": tag_ids, **spans._asdict()}
    return {name: ops.convert_to_numpy(values).tolist() for name, values in fields.items()}


def main():
    assert keras.backend.backend() == BACKEND
    results = {}
    for name, options in CASES.items():
        found = run(**options)
        results[name] = {
            # json has no infinity that every reader knows
            field: np.nan_to_num(ops.convert_to_numpy(part), neginf=-1e30).tolist()
            for field, part in zip(found._fields, found, strict=True)
        }
    results["tags"], results["learned tags"] = decode_tags(learned=False), decode_tags(learned=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
