#!/bin/sh
# Keras 3.15.1: with gradient_accumulation_steps the moving average of the weights forgets faster.
#
# Accumulating the gradients of k small batches trains the same weights as one batch of k times the size. With
# use_ema=True the averaged weights, those that fit leaves in the model, are not the same: the average is updated after
# each small batch, k times for each update of the weights. An ema_momentum of 0.9 then acts like one of about 0.9 ** k.
# The documentation says that the "EMA frequency will look at accumulated iterations"; the one that does is
# ema_overwrite_frequency. No issue about this was found.
#
# Run with Python 3.11 on Linux x86-64, CPU: keras 3.15.1, jax 0.10.2, numpy 2.4.6. Output:
#   weights after 10 updates:  batches of 64 [0.655 1.226 1.985] 8 times 8 [0.655 1.226 1.985]
#   average with momentum 0.9: batches of 64 [0.353 0.643 0.996] 8 times 8 [0.568 1.125 1.779]
#   average with 0.9 ** 8:     batches of 64 [0.613 1.178 1.886]
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet keras==3.15.1 jax==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax venv/bin/python - 2>warnings.txt <<'EOF' || { cat warnings.txt; exit 1; }
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(640, 3)).astype("float32")
y = x @ np.array([[1.0], [2.0], [3.0]], "float32")


def trained(batch_size, steps, momentum=None):
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((3,)), dense])
    average = {"use_ema": True, "ema_momentum": momentum} if momentum else {}
    model.compile(keras.optimizers.SGD(0.05, gradient_accumulation_steps=steps, **average), "mse")
    model.fit(x, y, batch_size=batch_size, shuffle=False, verbose=0)
    return model.get_weights()[0][:, 0]


large, small = trained(64, None), trained(8, 8)
print("weights after 10 updates:  batches of 64", large.round(3), "8 times 8", small.round(3))
average, of_small = trained(64, None, 0.9), trained(8, 8, 0.9)
print("average with momentum 0.9: batches of 64", average.round(3), "8 times 8", of_small.round(3))
faster = trained(64, None, 0.9**8)
print("average with 0.9 ** 8:     batches of 64", faster.round(3))
assert np.allclose(large, small, atol=1e-5), "the behaviour has changed"
assert (abs(of_small - faster) < abs(of_small - average) / 3).all(), "the behaviour has changed"
EOF
