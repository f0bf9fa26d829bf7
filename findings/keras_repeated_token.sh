#!/bin/sh
# Keras 3.15.1 on TensorFlow: Adam moves the embedding of a repeated token too far.
#
# With TensorFlow the gradient of an Embedding is an IndexedSlices with one entry per occurrence of a token. Keras's
# optimizers square these entries one by one instead of squaring their sum, so a token that occurs four times in a
# batch gets a quarter of its second moment. Adam's first step is the learning rate, whatever the gradient (here 0.1);
# that token moves by 0.2. Global-norm clipping measures too small a norm for the same reason. On JAX the same program
# gives the right values.
#
# Run with Python 3.11 on Linux x86-64, CPU: keras 3.15.1, tensorflow 2.21.0, jax 0.10.2, numpy 2.4.6. Output:
#   jax        Adam's step: 0.1000 (token seen 4 times), 0.1000 (token seen once); norm after clipping to 0.1: 0.1000
#   tensorflow Adam's step: 0.2000 (token seen 4 times), 0.1000 (token seen once); norm after clipping to 0.1: 0.1844
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet keras==3.15.1 tensorflow==2.21.0 jax==0.10.2 numpy==2.4.6
for backend in jax tensorflow; do
    KERAS_BACKEND=$backend venv/bin/python - 2>warnings.txt <<'EOF' || { cat warnings.txt; exit 1; }
import keras
import numpy as np


def change_in_one_step(optimizer):
    embedding = keras.layers.Embedding(3, 1, embeddings_initializer="ones")
    model = keras.Sequential([keras.Input((5,), dtype="int32"), embedding, keras.layers.GlobalAveragePooling1D()])
    model.compile(optimizer, "mse")
    model.fit(np.array([[1, 1, 1, 1, 2]]), np.zeros((1, 1)), verbose=0)
    return (1 - embedding.get_weights()[0])[:, 0]


_, four_times, once = change_in_one_step(keras.optimizers.Adam(0.1))
norm = np.linalg.norm(change_in_one_step(keras.optimizers.SGD(1.0, global_clipnorm=0.1)))
backend = keras.backend.backend()
print(
    f"{backend:10} Adam's step: {four_times:.4f} (token seen 4 times), {once:.4f} (token seen once);"
    f" norm after clipping to 0.1: {norm:.4f}"
)
right = [0.1, 0.1, 0.1]
wrong = [0.2, 0.1, 0.1 * 17**0.5 / 5**0.5]
expected = wrong if backend == "tensorflow" else right
assert np.allclose([four_times, once, norm], expected, rtol=1e-3), "the behaviour has changed"
EOF
done
