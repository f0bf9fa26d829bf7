"""Training steps and searches of two checkouts of this project, in turns: CPU time of the second by the first.

    python tests/benchmarks/two_checkouts.py BEFORE AFTER [--rounds 15] [--jobs beams]

BEFORE and AFTER are directories. Each has a process of its own with one thread, both with the packages of the Python
that runs this. A job goes on for about 0.15 s in one and then in the other, the order changing from round to round. The
table has the medians of the wall time, and of the ratios of CPU time of neighbours, which other programs on the machine
hardly touch.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

_TURN = 0.15
_VOCABULARY = 2000
_WIDTHS = dict(hidden_dim=256, intermediate_dim=1024, num_heads=8)


def work():
    """Makes the jobs, prints their names, and runs those that stdin asks for: name and times."""
    import keras
    import numpy as np
    import tensorflow as tf

    from zoo.models import GPT2, T5, Encoder, EncoderDecoder, TokenClassifier

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)

    def ids(rows, length):
        return generator.integers(3, _VOCABULARY, (rows, length)).astype("int32")

    def encoder_decoder():
        layers = dict(num_encoder_layers=3, num_decoder_layers=3)
        return EncoderDecoder(_VOCABULARY, _VOCABULARY, **_WIDTHS, **layers, max_sequence_length=64)

    def t5():
        return T5(_VOCABULARY, **_WIDTHS, head_dim=32, num_encoder_layers=3, num_decoder_layers=3)

    def gpt2():
        return GPT2(_VOCABULARY, **_WIDTHS, num_layers=4, max_sequence_length=96)

    def training(model, inputs, labels):
        model.build()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(1e-4), loss, jit_compile=False)
        return lambda: model.train_on_batch(inputs, labels)

    def searching(model, beams, rows=4, length=20, steps=24):
        model.build()
        source = tf.constant(ids(rows, length))
        mask = tf.ones_like(source)

        @tf.function(autograph=False)
        def search(source, mask):
            cache, cross = model.start_cache(model.encode(source, mask), steps, beams)
            matrix = model.output_matrix()

            def step(token_ids, index, cache):
                return model.decode_step(token_ids, index, cache, cross, mask, matrix)

            # A token that never comes: weights differ, and no search is to end before the other checkout's.
            common = dict(eos_id=_VOCABULARY, pad_id=0, max_new_tokens=tf.fill([rows], steps), loop_length=steps)
            return _search(step, cache, tf.ones([rows], tf.int32), beams, common)

        return lambda: search(source, mask)

    def continuing(model, hypotheses, rows=4, length=16, steps=24):
        model.build()
        prompts = tf.constant(ids(rows, length))
        mask = tf.ones_like(prompts)

        @tf.function(autograph=False)
        def search(prompts, mask):
            cache, step = model.after_prompts(prompts, mask, steps, hypotheses)

            def body(index, token_ids, cache):
                logits, cache = step(token_ids, index, cache)
                return index + 1, tf.argmax(logits, -1, output_type=tf.int32), cache

            start = (tf.constant(0), tf.fill([rows * hypotheses], 5), cache)
            return tf.while_loop(lambda index, *_: index < steps, body, start, parallel_iterations=1)[1]

        return lambda: search(prompts, mask)

    ones = np.ones((8, 24), "int32")
    pair = {"source_token_ids": ids(8, 24), "source_padding_mask": ones, "target_token_ids": ids(8, 24)}
    classifier = TokenClassifier(Encoder(_VOCABULARY, **_WIDTHS, num_layers=4, max_sequence_length=64), 9)
    classified = {"token_ids": ids(8, 24), "padding_mask": ones}
    jobs = {
        "encoder-decoder, greedy": searching(encoder_decoder(), 1),
        "encoder-decoder, 4 beams": searching(encoder_decoder(), 4),
        "encoder-decoder, training": training(encoder_decoder(), pair, ids(8, 24)),
        "T5, greedy": searching(t5(), 1),
        "T5, 4 beams": searching(t5(), 4),
        "T5, training": training(t5(), pair, ids(8, 24)),
        "GPT-2, 1 continuation": continuing(gpt2(), 1),
        "GPT-2, 4 continuations": continuing(gpt2(), 4),
        "GPT-2, training": training(gpt2(), {"token_ids": ids(8, 32)}, ids(8, 32)),
        "encoder, training": training(classifier, classified, generator.integers(0, 9, (8, 24))),
    }
    print("READY " + json.dumps(list(jobs)), flush=True)
    begun = set()
    for line in sys.stdin:
        name, times = json.loads(line)
        if name not in begun:
            begun.add(name)
            for _ in range(2):
                jobs[name]()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(times):
            jobs[name]()
        found = ((time.perf_counter() - wall) / times, (time.process_time() - cpu) / times)
        print("TIME " + json.dumps(found), flush=True)


def _search(step, cache, start, beams, common):
    """The search of a checkout, as an object or, before there were these, as a function."""
    import zoo.generation as generation

    if hasattr(generation, "DecodeOptions"):
        search = generation.Greedy() if beams == 1 else generation.BeamSearch(beams, 1.0, "average")
        return search(step, cache, start, generation.DecodeOptions(**common))
    if beams == 1:
        return generation.greedy_search(step, cache, start, **common)
    penalty = dict(num_beams=beams, num_return=1, length_penalty=1.0, length_penalty_type="average")
    return generation.beam_search(step, cache, start, **penalty, **common)


class Checkout:
    """A process that works for one checkout."""

    def __init__(self, directory):
        command = [sys.executable, __file__, "--work"]
        environment = {**os.environ, "PYTHONPATH": str(directory)}
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._process = subprocess.Popen(command, env=environment, cwd=directory, **pipes)
        self.jobs = self._answer("READY ")

    def run(self, name, times):
        """Wall and CPU seconds of one run of a job."""
        self._process.stdin.write(json.dumps([name, times]) + "\n")
        self._process.stdin.flush()
        return self._answer("TIME ")

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self, prefix):
        for line in self._process.stdout:
            if line.startswith(prefix):
                return json.loads(line.removeprefix(prefix))
        raise SystemExit("a checkout's process has ended")


def main():
    """Prints the table."""
    if sys.argv[1:] == ["--work"]:
        work()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--jobs", default="", help="part of the names of the jobs to run; all by default")
    options = parser.parse_args()
    both = [Checkout(Path(path).resolve()) for path in (options.before, options.after)]
    jobs = [name for name in both[0].jobs if options.jobs in name]
    times = {name: max(1, int(_TURN / both[0].run(name, 1)[0])) for name in jobs}
    found = {name: ([], []) for name in jobs}
    for number in range(options.rounds):
        for name in jobs:
            for which in ((0, 1), (1, 0))[number % 2]:
                found[name][which].append(both[which].run(name, times[name]))
    print("| job | before, ms | after, ms | CPU time, after / before |\n|---|---:|---:|---:|")
    for name, (before, after) in found.items():
        walls = [1e3 * statistics.median(wall for wall, _ in runs) for runs in (before, after)]
        ratio = statistics.median(new / old for (_, old), (_, new) in zip(before, after, strict=True))
        print(f"| {name} | {walls[0]:.1f} | {walls[1]:.1f} | {ratio:.3f} |")
    for each in both:
        each.close()


if __name__ == "__main__":
    main()
