"""The two sides of the WordPiece benchmark, each as one round of work over batches of lines."""

from pathlib import Path


def batches_of(path, batch_size, num_batches, start):
    """Batches of the lines of a file that hold text, going round; no two begin at the same line before all have.

    Args:
        path: Text file, UTF-8.
        batch_size: Lines a batch.
        num_batches: Number of batches.
        start: Number of batches that came before.
    """
    with Path(path).open(encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip()]
    lines *= -(-batch_size // len(lines))
    # A step that shares no factor with the number of lines comes by every line as a first one.
    step = next(step for step in range(batch_size, batch_size + len(lines) + 1) if _coprime(step, len(lines)))
    lines += lines[:batch_size]
    firsts = [(start + index) * step % (len(lines) - batch_size) for index in range(num_batches)]
    return [lines[first : first + batch_size] for first in firsts]


def _coprime(a, b):
    while b:
        a, b = b, a % b
    return a == 1


def resident_mebibytes():
    """Memory that this process holds now; 0 where the system does not tell."""
    path = Path("/proc/self/statm")
    if not path.is_file():
        return 0.0
    return int(path.read_text().split()[1]) * 4096 / 2**20


def package_batches(vocabulary, lowercase, text, batch_size, num_batches):
    """Makes a function that encodes batches with the `tokenizers` package, offsets included as always."""
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(vocabulary, lowercase=lowercase)

    def work(start):
        batches = batches_of(text, batch_size, num_batches, start)
        return _timed(batches, lambda batch: tokenizer.encode_batch(batch, add_special_tokens=False), _count_encodings)

    return work


def graph_batches(saved_model, signature, threads, text, batch_size, num_batches):
    """Makes a function that calls a signature of a SavedModel, loaded with nothing but TensorFlow, on batches."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import tensorflow_text  # noqa: F401 - its operations are in the graph

    loaded = tf.saved_model.load(saved_model)
    tokenize = loaded.signatures[signature]

    def work(start):
        batches = batches_of(text, batch_size, num_batches, start)
        return _timed(batches, lambda batch: tokenize(texts=tf.constant(batch)), _count_outputs)

    # The signature's tables live as long as the object that was loaded.
    work.loaded = loaded
    return work


def _timed(batches, tokenize, count):
    import time

    wall, cpu = time.perf_counter(), time.process_time()
    results = [tokenize(batch) for batch in batches]
    seconds = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "seconds": seconds[0],
        "cpu_seconds": seconds[1],
        "bytes": sum(len(line.encode()) for batch in batches for line in batch),
        "tokens": sum(map(count, results)),
        "id_sum": sum(map(_id_sum, results)),
        "resident_mib": resident_mebibytes(),
    }


def _count_encodings(encodings):
    return sum(len(encoding.ids) for encoding in encodings)


def _count_outputs(outputs):
    return int(outputs["token_ids"].shape[0])


def _id_sum(result):
    if isinstance(result, dict):
        return int(result["token_ids"].numpy().sum())
    return sum(sum(encoding.ids) for encoding in result)
