"""Training updates of this project's model, as one round of a benchmark."""

from batch_file import load_batches, real_tokens


def keras_updates(path, precision, compiled, sizes, vocabulary_size, learning_rate, threads, seed):
    """Makes a function that trains on every batch of a file once, by `fit` as `zoo.training.train` does it.

    Args:
        path: File of `save_batches`.
        precision: "float32" or "mixed_bfloat16".
        compiled: Whether XLA compiles the update.
        sizes: Arguments of `EncoderDecoder`.
        vocabulary_size: Tokens in the joint vocabulary.
        learning_rate: Constant learning rate of Adam.
        threads: Threads that TensorFlow may use.
        seed: Seed of weights and dropout.
    """
    import keras

    limit_threads(threads)
    from zoo.models import EncoderDecoder
    from zoo.training.optimizers.build_optimizer import build_optimizer
    from zoo.training.updates.token_loss import TokenCrossEntropy

    keras.utils.set_random_seed(seed)
    batches = load_batches(path)
    model = EncoderDecoder(vocabulary_size, vocabulary_size, **sizes, dtype=precision)
    model.build()
    model.compile(build_optimizer("adam", learning_rate), TokenCrossEntropy(0.1), jit_compile=compiled)
    return rounds_of(model, batches)


def limit_threads(threads):
    """Lets TensorFlow have so many threads, where it is the backend."""
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def rounds_of(model, batches):
    """A function that trains a compiled model on every batch once and tells tokens, parameters and loss."""
    import keras

    from zoo.training.updates.variable_shapes import dataset_of_any_shape

    facts = {"tokens": real_tokens(batches), "parameters": model.count_params()}

    def work():
        if keras.config.backend() == "tensorflow":
            feed = dataset_of_any_shape(lambda: iter(batches), batches[0])
        else:
            feed = (batch for batch in batches)
        history = model.fit(feed, steps_per_epoch=len(batches), shuffle=False, verbose=0)
        return {**facts, "loss": float(history.history["loss"][-1])}

    return work
