"""Target tokens per second of training updates: this project against PyTorch's `nn.Transformer` of the same size.

    python tests/benchmarks/training_throughput.py                       # about 6 minutes on two quiet cores
    python tests/benchmarks/training_throughput.py --contestants keras-jit torch-compile torch --rounds 3

(with the project and PyTorch installed, or PYTHONPATH=. in the project's directory). The machine must be quiet.

Every contestant trains the model of the translation recipe (4 + 4 layers, width 128, dropout 0.3, label smoothing 0.1,
Adam; `torch_transformer.py` has what is done to make both sides equal) in a process of its own, all pinned to the same
cores with as many threads. The processes take turns: in one round a contestant makes one update on each of `--batches`
batches. All see the same batches, but for those that compile for each shape: theirs, of the same corpus and the same
size in tokens, have fewer shapes. A first round, in which everything is compiled, does not count. Only real target
tokens count, no padding. Ratios are medians over rounds of speeds in the same turn. CPU seconds, less disturbed by
other work on the machine than the clock, are printed beside. The loss shows that each contestant really learns.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from batch_file import save_batches
from contestants import Contestant
from update_speeds import measure_speeds, print_speeds

from zoo.data import PairBatches, open_dataset
from zoo.errors import UserError, command_line
from zoo.models import EncoderDecoder

BOS_ID, EOS_ID, PAD_ID = 1, 2, 0
FIRST_TEXT_ID = 4
LEARNING_RATE = 1e-3

CONTESTANTS = {
    "keras": dict(backend="tensorflow", precision="float32", compiled=False),
    "keras-bfloat16": dict(backend="tensorflow", precision="mixed_bfloat16", compiled=False),
    "keras-jit": dict(backend="tensorflow", precision="float32", compiled=True),
    "keras-bfloat16-jit": dict(backend="tensorflow", precision="mixed_bfloat16", compiled=True),
    "keras-jax": dict(backend="jax", precision="float32", compiled=True),
    "torch": dict(backend=None, precision="float32", compiled=False),
    "torch-bfloat16": dict(backend=None, precision="bfloat16", compiled=False),
    "torch-compile": dict(backend=None, precision="float32", compiled=True),
    "torch-bfloat16-compile": dict(backend=None, precision="bfloat16", compiled=True),
}


@dataclass(frozen=True)
class Options:
    """Compares the speed of training updates with PyTorch's."""

    contestants: tuple[Literal[tuple(CONTESTANTS)], ...] = ("keras", "keras-bfloat16", "torch", "torch-bfloat16")
    """Who takes part; "keras-*" are this project's, "-jit" and "-compile" compile (minutes of compilation)."""
    size: Literal["tiny", "small", "base", "big"] = "tiny"
    """Size of the model."""
    vocabulary_size: int = 8000
    """Tokens in the joint vocabulary."""
    dataset: str | None = None
    """Named data set such as "multi30k"; by default random tokens with the lengths of Multi30k."""
    batch_size_tokens: int = 4096
    """Positions of a batch on either side, padding included."""
    batches: int = 10
    """Updates in a round."""
    rounds: int = 7
    """Rounds that count."""
    threads: int = 2
    """CPU cores and threads of every contestant."""
    torch_adam: Literal["fused", "foreach"] = "fused"
    """PyTorch's implementation of Adam."""
    seed: int = 1
    """Seed of data and initial weights."""
    json: bool = False
    """Print JSON in place of the table."""

    def __post_init__(self):
        for name in ("batches", "rounds", "threads", "batch_size_tokens"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if not self.contestants:
            raise UserError("--contestants needs at least one name")


def random_pairs(vocabulary_size, seed, count=29_000):
    """Pairs of "texts" that are token ids in digits: lengths as in Multi30k's 8,000 pieces, frequencies after Zipf."""
    generator = np.random.default_rng(seed)
    # Means, deviations and correlation of the logarithms of English and German lengths.
    logarithms = generator.multivariate_normal(
        (2.61, 2.64), ((0.32**2, 0.86 * 0.32 * 0.36), (0.86 * 0.32 * 0.36, 0.36**2)), count
    )
    lengths = np.clip(np.exp(logarithms).round().astype(int), 2, 60)
    weights = 1.0 / (np.arange(vocabulary_size - FIRST_TEXT_ID) + 10.0)
    ids = generator.choice(np.arange(FIRST_TEXT_ID, vocabulary_size), lengths.sum(), p=weights / weights.sum())
    texts = [" ".join(map(str, text)) for text in np.split(ids, np.cumsum(lengths.reshape(-1))[:-1])]
    return list(zip(texts[::2], texts[1::2], strict=True))


def digits_to_ids(texts):
    """Token ids of the texts of `random_pairs`."""
    return [[int(word) for word in text.split()] for text in texts]


def make_batches(options, compiled):
    """The batches of a round: a list of (x, labels, weights) as in `PairBatches`."""
    if options.dataset is None:
        pairs, encode = random_pairs(options.vocabulary_size, options.seed), digits_to_ids
    else:
        from zoo.tokenizers import SentencePieceTokenizer

        pairs = open_dataset(options.dataset).train
        texts = (text for pair in pairs for text in pair)
        tokenizer = SentencePieceTokenizer.train(texts, options.vocabulary_size, "bpe")

        def encode(texts):
            return tokenizer.encode(texts).to_list()

    source = PairBatches(
        pairs,
        encode,
        encode,
        bos_id=BOS_ID,
        eos_id=EOS_ID,
        pad_id=PAD_ID,
        batch_size_tokens=options.batch_size_tokens,
        max_source_length=64,
        max_target_length=64,
        max_length_ratio=4.0,
        seed=options.seed,
        fixed_rows=compiled,
        length_multiple=8 if compiled else 4,
    )
    batches = list(islice(source.epoch(0), options.batches))
    if len(batches) < options.batches:
        raise UserError(f"--batches {options.batches} is more than the {len(batches)} of an epoch")
    return batches


def start(options, name, paths):
    """Starts a contestant by name; `paths` are the files of batches with few shapes (True) and with many (False)."""
    work = CONTESTANTS[name]
    sizes = dict(EncoderDecoder.sizes[options.size])
    arguments = dict(
        path=str(paths[work["compiled"]]),
        precision=work["precision"],
        compiled=work["compiled"],
        vocabulary_size=options.vocabulary_size,
        learning_rate=LEARNING_RATE,
        threads=options.threads,
        seed=options.seed,
    )
    if work["backend"] is None:
        # PyTorch's model has as many layers on both sides.
        sizes["num_layers"] = sizes.pop("num_encoder_layers")
        del sizes["num_decoder_layers"]
        arguments |= dict(sizes=sizes, adam=options.torch_adam)
        return Contestant(name, "torch_updates:torch_updates", arguments, options.threads)
    arguments["sizes"] = sizes
    environment = {"KERAS_BACKEND": work["backend"]}
    return Contestant(name, "keras_updates:keras_updates", arguments, options.threads, environment)


def compare(options):
    """Runs the benchmark; returns one dict of results per contestant."""
    with tempfile.TemporaryDirectory() as directory:
        paths = {}
        for compiled in {CONTESTANTS[name]["compiled"] for name in options.contestants}:
            paths[compiled] = Path(directory) / f"batches-{compiled}.npz"
            save_batches(make_batches(options, compiled), paths[compiled])
        contestants = [start(options, name, paths) for name in options.contestants]
        return measure_speeds(contestants, options.rounds)


def title(options, results):
    """What the table shows."""
    data = options.dataset or "random tokens with Multi30k's lengths"
    return (
        f"Training, {options.size} Transformer, {results[0]['parameters']:,} parameters, {data}, "
        f"{options.batch_size_tokens} tokens a batch, {options.threads} threads, "
        f"medians of {options.rounds} rounds of {options.batches} updates"
    )


@command_line
def main(argv=None):
    """Command line of the benchmark."""
    options = tyro.cli(Options, args=argv, prog="training_throughput.py")
    results = compare(options)
    if options.json:
        print(json.dumps({"options": asdict(options), "results": results}, indent=2))
    else:
        print_speeds(title(options, results), "target tokens/s", results)


if __name__ == "__main__":
    main()
