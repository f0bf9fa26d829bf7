"""Milliseconds that a decoding step of a GPT-2 spends on products with its weights, the least that it can take.

    python tests/benchmarks/step_products.py --rows 1 8
    TF_ENABLE_ONEDNN_OPTS=0 python tests/benchmarks/step_products.py --rows 1 8

Each of a step's products of float32 `[rows, D]` with a weight matrix of its own, in a loop inside the graph as decoding
is, and nothing else; then with one product for query, key and value; then with the matrices in panels too, as exports
have them; then a sum over all the weights, which reads each once. TensorFlow chooses oneDNN's kernels unless the
variable says otherwise. The machine must be quiet.
"""

import functools
import statistics
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tyro

from zoo.errors import UserError, command_line
from zoo.models import GPT2

VOCABULARY_SIZE = 50_257


@dataclass(frozen=True)
class Options:
    """Times the products of decoding steps with random weights."""

    size: Literal[tuple(GPT2.sizes)] = "small"
    """Published size of the model."""
    rows: tuple[int, ...] = (1, 8)
    """Rows of a batch."""
    threads: int = 2
    """Threads that TensorFlow may use."""
    steps: int = 10
    """Steps in a round."""
    rounds: int = 9
    """Rounds that count."""

    def __post_init__(self):
        if not self.rows or min(*self.rows, self.threads, self.steps, self.rounds) < 1:
            raise UserError("--rows, --threads, --steps and --rounds are at least 1")


def shapes_of(size, fused):
    """Shapes of the weights of a step, in order; the last one is the output matrix."""
    sizes = GPT2.sizes[size]
    width = sizes["hidden_dim"]
    attention = [(width, 3 * width)] if fused else [(width, width)] * 3
    block = [*attention, (width, width), (width, 4 * width), (4 * width, width)]
    return [*block * sizes["num_layers"], (width, VOCABULARY_SIZE)]


def product_loop(shapes, in_panels=False):
    """A function of the number of steps and the rows that makes the products, each of what the one before gave."""
    import tensorflow as tf

    from zoo.weights import PackedMatrix

    matrices = (np.random.default_rng(1).normal(size=shape).astype("float32") for shape in shapes)
    if in_panels:
        products = [(PackedMatrix(matrix, None, "float32").product, len(matrix)) for matrix in matrices]
    else:
        products = [(functools.partial(tf.matmul, b=tf.Variable(matrix)), len(matrix)) for matrix in matrices]

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.int32)] * 2)
    def run(steps, rows):
        def step(index, x):
            for product, depth in products:
                # As wide as the product needs.
                x = product(tf.repeat(x[:, :1], depth, axis=1))
            return index + 1, tf.ensure_shape(1e-9 * x[:, :1], [None, 1])

        start = (0, tf.ones([rows, 1]))
        shapes = (tf.TensorShape([]), tf.TensorShape([None, 1]))
        return tf.while_loop(lambda index, _: index < steps, step, start, shapes)[1]

    return run


def sum_loop(shapes):
    """A function like that of `product_loop` that adds up the weights."""
    import tensorflow as tf

    weights = [tf.Variable(tf.random.normal(shape)) for shape in shapes]

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.int32)] * 2)
    def run(steps, rows):
        def step(index, total):
            for weight in weights:
                with tf.control_dependencies([total]):
                    total += tf.reduce_sum(weight.read_value())
            return index + 1, total

        return tf.while_loop(lambda index, _: index < steps, step, (0, tf.zeros([])))[1]

    return run


def compare(options):
    """Median milliseconds of a step, by what is timed and the rows."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    timed = {
        "products": product_loop(shapes_of(options.size, fused=False)),
        "one product for query, key and value": product_loop(shapes_of(options.size, fused=True)),
        "the same in panels": product_loop(shapes_of(options.size, fused=True), in_panels=True),
        "reading the weights": sum_loop(shapes_of(options.size, fused=True)),
    }
    seconds = {}
    for rows in options.rows:
        for function in timed.values():
            function(2, rows)
        for _ in range(options.rounds):
            for name, function in timed.items():
                start = time.perf_counter()
                function(options.steps, rows).numpy()
                seconds.setdefault((name, rows), []).append((time.perf_counter() - start) / options.steps)
    return {key: 1e3 * statistics.median(values) for key, values in seconds.items()}


@command_line
def main(argv=None):
    """Command line of the benchmark."""
    options = tyro.cli(Options, args=argv, prog="step_products.py")
    gigabytes = 4e-9 * sum(rows * columns for rows, columns in shapes_of(options.size, fused=True))
    print(f"GPT-2 {options.size}, float32, {options.threads} threads, weights of {gigabytes:.2f} GB")
    for (name, rows), milliseconds in compare(options).items():
        print(f"{rows:3} rows  {name:38} {milliseconds:7.2f} ms  {1e3 * gigabytes / milliseconds:5.1f} GB/s")


if __name__ == "__main__":
    main()
