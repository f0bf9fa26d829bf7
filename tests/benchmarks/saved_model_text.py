"""An exported SavedModel from text to text, loaded with nothing but TensorFlow and TensorFlow Text."""


def saved_model_batches(directory, signature, controls, sources, threads):
    """Makes a function that translates all sources once, as one round of a benchmark.

    Args:
        directory: The SavedModel.
        signature: Its name.
        controls: One value for each further input, which all rows get.
        sources: Texts.
        threads: Threads that TensorFlow may use.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import tensorflow_text  # noqa: F401 - its operations are in the graph

    loaded = tf.saved_model.load(directory)
    translate = loaded.signatures[signature]
    inputs = translate.structured_input_signature[1]

    def work(batch_size):
        texts, scores = [], []
        for start in range(0, len(sources), batch_size):
            batch = sources[start : start + batch_size]
            rows = {name: tf.fill([len(batch)], tf.cast(value, inputs[name].dtype)) for name, value in controls.items()}
            found = translate(text=tf.constant(batch), **rows)
            texts += [text.decode() for text in found["text"].numpy()]
            scores += found["score"].numpy().tolist()
        return {"texts": texts, "scores": scores}

    # The signature's variables live as long as the object that was loaded.
    work.loaded = loaded
    return work
