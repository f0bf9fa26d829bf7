#!/bin/sh
# sentencepiece 0.2.3: set_random_generator_seed does not make subword sampling repeatable.
#
# The seed is there so that training with subword regularisation or BPE-dropout can be repeated. Within one process the
# same seed gives the same segmentations, so a test that seeds twice and compares passes; every new process draws
# others. Up to 0.2.1 the seed decided alone. From 0.2.2 on the generator is absl::BitGen, which mixes a salt of the
# process into every seed. Processes that share one seed in order to build the same batches therefore build different
# ones.
#
# Run with Python 3.11 on Linux x86-64: sentencepiece 0.2.1 and 0.2.3. Output (the numbers of 0.2.3 vary):
#   0.2.1 unigram: equal if seeded again True, different draws of 8 processes with one seed 1
#   0.2.1 bpe: equal if seeded again True, different draws of 8 processes with one seed 1
#   0.2.3 unigram: equal if seeded again True, different draws of 8 processes with one seed 8
#   0.2.3 bpe: equal if seeded again True, different draws of 8 processes with one seed 8
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
for version in 0.2.1 0.2.3; do
    venv/bin/python -m pip install --quiet "sentencepiece==$version"
    venv/bin/python - <<'EOF'
import subprocess
import sys

import sentencepiece

corpus = ["a man rides a horse along the beach", "two dogs run through the snow", "the horse and the man run"] * 30
draw = """
import sys, sentencepiece
model = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1])
for _ in range(2):
    sentencepiece.set_random_generator_seed(1)
    options = dict(enable_sampling=True, alpha=0.3, nbest_size=-1, num_threads=1)
    print(model.encode(["the man rides a horse through the snow"] * 20, **options))
"""
for kind in ("unigram", "bpe"):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_prefix=kind, model_type=kind, vocab_size=60, hard_vocab_limit=False,
        minloglevel=2,
    )
    runs = [
        subprocess.run([sys.executable, "-c", draw, f"{kind}.model"], capture_output=True, text=True, check=True)
        for _ in range(8)
    ]
    draws = [run.stdout.splitlines() for run in runs]
    again = all(first == second for first, second in draws)
    different = len({first for first, _ in draws})
    print(
        f"{sentencepiece.__version__} {kind}: equal if seeded again {again},"
        f" different draws of 8 processes with one seed {different}"
    )
    assert again and (different > 1) == (sentencepiece.__version__ == "0.2.3"), "the behaviour has changed"
EOF
done
