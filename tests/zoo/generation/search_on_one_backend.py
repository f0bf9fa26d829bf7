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
from search_references import beam_search, greedy_search, sample  # noqa: E402

from zoo.generation import TokenRules  # noqa: E402

NUM_ROWS, LOOP_LENGTH, EOS, PAD = 5, 7, 2, 0
RULES = TokenRules(suppressed_token_ids=(PAD, 3), forced_first_token_id=6, forced_last_token_id=EOS)
CASES = {
    "greedy": {},
    "one beam": {"num_beams": 1},
    "gnmt": {"num_beams": 4, "num_return": 3},
    "none": {"num_beams": 4, "length_penalty_type": "none"},
    "ten beams": {"num_beams": 10, "num_return": 10},
    "the first ends": {"num_beams": 3, "num_return": 2, "stopping": "first"},
    "estimated ends": {"num_beams": 4, "num_return": 2, "length_penalty_type": "average", "stopping": "estimate"},
    "beams without repeated bigrams": {"num_beams": 4, "num_return": 2, "no_repeat_ngram_size": 2},
    "more beams than vocabulary": {"num_beams": 9, "num_return": 9, "vocabulary_size": 5},
    "greedy under rules": {"token_rules": RULES, "no_repeat_ngram_size": 2},
    "beams under rules": {"num_beams": 4, "num_return": 3, "token_rules": RULES},
    "greedy with a context": {"context": True, "no_repeat_ngram_size": 2},
    "beams with a context": {"context": True, "num_beams": 3, "no_repeat_ngram_size": 1},
    "samples": {"num_samples": 3},
    "samples of many tokens": {"num_samples": 2, "temperature": 4.0},
    "filtered samples": {"num_samples": 3, "filters": True},
    "controlled samples": {"num_samples": 2, "filters": True, "context": True, "token_rules": RULES, "stop": True},
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
    width = options.get("num_beams", options.get("num_samples", 1))
    if options.pop("context", False):
        options["context_token_ids"] = ops.convert_to_tensor(rng.integers(8, size=(NUM_ROWS, 4)).astype("int32"))
        options["context_mask"] = ops.convert_to_tensor(rng.random((NUM_ROWS, 4)) < 0.7)
    if options.pop("stop", False):
        options["stop"] = lambda token_ids, index: ops.take(token_ids, index - 1, axis=1) == 4
    if options.pop("filters", False):
        # Rows without filters, with few tokens left, and with nearly all of them left.
        options.update(
            temperature=ops.array([1.0, 2.0, 0.0, 1.0, 5.0], dtype="float32"),
            top_k=ops.array([0, 40, 0, 5, 1200], dtype="int32"),
            top_p=ops.array([1.0, 0.9, 0.5, 1.0, 0.999], dtype="float32"),
            min_p=ops.array([0.0, 0.0, 0.0, 0.2, 0.001], dtype="float32"),
            repetition_penalty=ops.array([1.0, 2.0, 1.3, 1.0, 0.7], dtype="float32"),
        )

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
        if "num_samples" in options:
            # Seeds as a graph makes them, from an input.
            chosen, limits["seeds"] = sample, start_ids * 1000003 - 7
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
            autograph=False,
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


def random_bits():
    """Threefry's known answers and what becomes of them, as integers, so that nothing is rounded away."""
    from zoo.generation.random_numbers import threefry, uniform

    words = np.array([[0, 0, 0, 0], [2**32 - 1] * 4, [0x13198A2E, 0x03707344, 0x243F6A88, 0x85A308D3]], "uint32")
    words = [ops.convert_to_tensor(column) for column in words.view("int32").T]

    def make(first_key, second_key, first_counter, second_counter):
        bits = threefry((first_key, second_key), (first_counter, second_counter))
        return *bits, uniform(first_key[:, None], ops.arange(50, dtype="int32")[None, :], second_counter[:, None])

    if BACKEND == "tensorflow":
        import tensorflow as tf

        make = tf.function(make, input_signature=[tf.TensorSpec([None], tf.int32)] * 4, autograph=False)
    if BACKEND == "jax":
        import jax

        make = jax.jit(make)
    first, second, fractions = (ops.convert_to_numpy(part) for part in make(*words))
    words = np.stack([first, second], axis=1).view("uint32")
    return {"words": [[f"{word:08x}" for word in pair] for pair in words], "fractions": (fractions * 2**24).tolist()}


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
    results["random bits"] = random_bits()
    results["tags"], results["learned tags"] = decode_tags(learned=False), decode_tags(learned=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
