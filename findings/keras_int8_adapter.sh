#!/bin/sh
# Keras 3.15.1: a low-rank adapter on an int8 layer loses accuracy by being saved.
#
# `Dense.enable_lora` may be called on an int8 layer, and training fits its float32 adapter. `save` does not store the
# adapter: it adds it to the int8 kernel and rounds the sum to int8 again. What is loaded still has an adapter, an empty
# one, and answers differently from the model that was trained; nothing says so. Without int8 the same round trip
# changes nothing.
#
# Run with Python 3.11 on Linux x86-64, CPU: keras 3.15.1, jax 0.10.2, numpy 2.4.6. Output:
#   float: trained loss 3.6e-06, loss after loading 3.6e-06, largest difference of an output 0.0e+00
#   int8:  trained loss 3.6e-06, loss after loading 2.1e-05, largest difference of an output 1.2e-02
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

x = np.random.default_rng(0).uniform(size=(256, 1024)).astype("float32")


def losses(int8):
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(8, use_bias=False)
    model = keras.Sequential([keras.Input((1024,)), dense])
    if int8:
        model.quantize("int8")
    y = model.predict(x, verbose=0) + 0.03
    dense.enable_lora(4)
    model.compile(keras.optimizers.Adam(1e-4), "mse")
    model.fit(x, y, epochs=60, verbose=0)
    model.save("model.keras")
    loaded = keras.saving.load_model("model.keras")
    difference = np.abs(model.predict(x, verbose=0) - loaded.predict(x, verbose=0)).max()
    trained, again = model.evaluate(x, y, verbose=0), loaded.evaluate(x, y, verbose=0)
    print(f"{'int8:' if int8 else 'float:':6} trained loss {trained:.1e}, loss after loading {again:.1e}, "
          f"largest difference of an output {difference:.1e}")
    return trained, again, difference


trained, again, difference = losses(int8=False)
assert difference < 1e-5, "the behaviour has changed"
trained, again, difference = losses(int8=True)
assert again > 3 * trained and difference > 3e-3, "the behaviour has changed"
EOF
