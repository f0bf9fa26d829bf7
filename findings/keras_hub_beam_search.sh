#!/bin/sh
# keras-hub 0.32.0: a finished hypothesis of BeamSampler goes on losing probability.
#
# The sampler does not freeze a hypothesis at its end token: as long as another hypothesis is running, it keeps
# multiplying by the probabilities of tokens after the end, which mean nothing. So short answers lose against longer and
# less probable ones, and the score of a finished hypothesis depends on how long its neighbours are. Here "x end" has
# probability 0.6 and "a b c end" 0.4, and nothing else is possible: greedy search finds the first, beam search with
# two beams answers the second.
#
# Run with Python 3.11 on Linux x86-64, CPU: keras-hub 0.32.0, keras 3.15.1, tensorflow 2.21.0, tensorflow-text 2.21.1.
# Output:
#   1 beam:  [('x end', 0.6)]
#   2 beams: [('a b c end', 0.4), ('x end', 0.0122)]
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet keras-hub==0.32.0 keras==3.15.1 tensorflow==2.21.0 tensorflow-text==2.21.1
KERAS_BACKEND=tensorflow venv/bin/python - 2>warnings.txt <<'EOF' || { cat warnings.txt; exit 1; }
import keras_hub
import numpy as np
from keras import ops

TOKENS = ["pad", "start", "x", "a", "b", "c", "end"]
probabilities = np.full((7, 7), 1e-9, "float32")
probabilities[1, 2], probabilities[1, 3] = 0.6, 0.4  # start -> x or a
for token, following in [(2, 6), (3, 4), (4, 5), (5, 6)]:  # x -> end, a -> b -> c -> end
    probabilities[token, following] = 1.0
probabilities[[0, 6]] = 1 / 7  # after the end: any token


def next_logits(prompt, cache, index):
    return ops.log(ops.take(probabilities, prompt[:, index - 1], axis=0)), None, cache


def answers(num_beams):
    sampler = keras_hub.samplers.BeamSampler(num_beams=num_beams, return_all_beams=True)
    prompt = np.array([[1, 0, 0, 0, 0]], "int32")
    rows, scores = sampler(next_logits, ops.convert_to_tensor(prompt), index=1, mask=prompt == 1, stop_token_ids=[6])
    texts = [" ".join(TOKENS[id] for id in row[1:]).split(" end")[0] + " end" for row in np.array(rows[0])]
    return [(text, round(float(score), 4)) for text, score in zip(texts, np.exp(scores[0]))]


one, two = answers(1), answers(2)
print("1 beam: ", one)
print("2 beams:", two)
assert one == [("x end", 0.6)], "the behaviour has changed"
assert two[0] == ("a b c end", 0.4) and two[1][0] == "x end" and two[1][1] < 0.1, "the behaviour has changed"
EOF
