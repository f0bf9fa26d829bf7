"""Loads what another process stored, on the backend that KERAS_BACKEND names, and prints JSON.

Run by the fixture `on_backend` in a process of its own. On JAX and PyTorch, TensorFlow cannot be imported until the
models are done; translators come last, since text needs it.
"""

import json
import os
import sys
from pathlib import Path

BACKEND = os.environ["KERAS_BACKEND"]
if BACKEND != "tensorflow":
    sys.modules["tensorflow"] = None

import keras  # noqa: E402
import numpy as np  # noqa: E402
from configured_decoder import gemma2, gemma3  # noqa: E402
from continued_prompts import continuations, whole_and_steps  # noqa: E402
from keras import ops  # noqa: E402

import zoo  # noqa: E402
import zoo.generation  # noqa: E402
import zoo.layers  # noqa: E402
import zoo.models  # noqa: E402
from zoo.generation import BeamSearch, DecodeOptions, Greedy  # noqa: E402

STEPS = 6
SEARCHED = ("model_bart", "model_marian", "model_t5")
"""The others decode as these or as the stored translator do, or differ in what a whole pass shows."""
STEPPED = ("gpt2_tied", "llama_windows", "gemma")
"""Of each family one; those of a decoder's options are shown where all of them are tried."""
SAVED_AGAIN = (
    *("model_pre_none", "decoder_block_post", "tokens_and_next_sentence"),
    *("changed_gpt2_int8", "changed_classifier_int8_lora"),
)


def compare(directory, name):
    """Largest differences of a stored case: its .keras file and, of some, its weights alone and a copy saved here."""
    arrays = dict(np.load(directory / f"{name}.npz"))
    expected = {name: arrays.pop(name) for name in list(arrays) if name.startswith("output:")}
    model = keras.saving.load_model(directory / f"{name}.keras")
    found = {"keras": difference(model, arrays, expected)}
    if type(model).__module__.startswith(("zoo.models", "zoo.architectures")) and not name.startswith("changed"):
        copy = type(model).from_config(model.get_config())
        copy.build()
        copy.load_weights(directory / f"{name}.weights.h5")
        found["weights"] = difference(copy, arrays, expected)
    if name in SEARCHED:
        found["searches"] = searches(model, arrays)
    if name in STEPPED:
        whole, steps = whole_and_steps(model, *continuations([4, 0, 2], num_hypotheses=3))
        found["steps"] = float(np.abs(steps - whole).max())
        whole, steps = whole_and_steps(model, *continuations([4, 0, 2]), as_searches=True)
        found["steps of a search"] = float(np.abs(steps - whole).max())
    if name in SAVED_AGAIN:
        model.save(directory / f"{BACKEND}-{name}.keras")
        again = keras.saving.load_model(directory / f"{BACKEND}-{name}.keras")
        found["saved here"] = difference(again, arrays, expected)
    return found


def steps_of_families():
    """Largest differences of steps from whole sequences, of decoders with grouped queries, windows and softcaps."""
    found = {}
    for make in (gemma2, gemma3):
        model = make()
        model.build()
        whole, steps = whole_and_steps(model, *continuations([5, 0, 2], num_hypotheses=3), as_searches=True)
        found[make.__name__] = float(np.abs(steps - whole).max() / np.abs(whole).max())
    return found


def difference(model, arrays, expected):
    outputs = model(arrays)
    outputs = outputs if isinstance(outputs, dict) else {"": outputs}
    assert {f"output:{name}" for name in outputs} == expected.keys()
    return max(
        float(np.abs(ops.convert_to_numpy(value) - expected[f"output:{name}"]).max()) for name, value in outputs.items()
    )


def searches(model, arrays):
    """Greedy and beam search with a cache, rows of different limits, as lists."""
    source, mask = (ops.convert_to_tensor(arrays[name]) for name in ("source_token_ids", "source_padding_mask"))
    encoded = model.encode(source, mask)
    limits = dict(
        eos_id=2, pad_id=0, max_new_tokens=ops.convert_to_tensor([STEPS, 3, STEPS, 5], dtype="int32"), loop_length=STEPS
    )
    found = {}
    for name, num_beams in (("greedy", 1), ("beam", 3)):
        cache, cross_cache = model.start_cache(encoded, STEPS, num_beams)

        def step(token_ids, index, cache, cross_cache=cross_cache):
            return model.decode_step(token_ids, index, cache, cross_cache, mask)

        start_ids = ops.ones((len(arrays["source_token_ids"]),), dtype="int32")
        search = Greedy() if num_beams == 1 else BeamSearch(num_beams, length_penalty=1.0)
        hypotheses = search(step, cache, start_ids, DecodeOptions(**limits), num_return=min(num_beams, 2))
        found[name] = {
            field: ops.convert_to_numpy(part).tolist()
            for field, part in zip(hypotheses._fields, hypotheses, strict=True)
        }
    return found


def translations(directory):
    """Texts and scores of the stored preset, greedy and beam search, as the Python call gives them."""
    if BACKEND != "tensorflow":
        del sys.modules["tensorflow"]
    translator = zoo.load(directory / "preset")
    lines = json.loads((directory / "lines.json").read_text())
    return {str(num_beams): translator.n_best(lines, 1, num_beams=num_beams) for num_beams in (1, 3)}


def encoder_answers(directory):
    """Answers of the stored tasks over encoders to their texts, by task."""
    from tiny_encoder_tasks import BLANKS, TEXTS

    texts = {"recognizer": TEXTS, "classifier": TEXTS, "quantized_classifier": TEXTS, "masked_language_model": BLANKS}
    return {name: zoo.load(directory / name)(lines) for name, lines in texts.items()}


def generations(directory):
    """Continuations and scores of the stored text generator."""
    from tiny_generator import PROMPTS

    generator = zoo.load(directory / "generator")

    def one_of_each(**options):
        return [found for (found,) in generator.samples(PROMPTS, 1, **options)]

    return {
        "greedy": one_of_each(temperature=0.0),
        "drawn": one_of_each(seed=3, top_p=0.9, repetition_penalty=1.2),
        "stopped by row": stopped_by_row(generator, PROMPTS),
        "scores": generator.score(PROMPTS, PROMPTS[1:] + PROMPTS[:1]),
    }


def stopped_by_row(generator, prompts):
    """Continuations with their scores and lengths; of the first rows each ends at a character of its own."""
    import tensorflow as tf

    free = generator(prompts, temperature=0.0)
    stops = [next((each for each in text[1:] if each not in ("\ufffd", "\x1e")), "never") for text in free[:-2]]
    stops += ["never\x1e北京", ""]
    rows = generator.predict_batch(tf.constant(prompts), temperature=tf.zeros([len(prompts)]), stop=tf.constant(stops))
    texts = [text.decode() for text in rows["text"].numpy()]
    return list(zip(texts, *(rows[name].numpy().tolist() for name in ("score", "num_tokens")), strict=True))


def summaries(directory):
    """Texts and scores of the stored summarizer over a decoder, by beam search; the generator goes without beams."""
    from tiny_decoder_summarizer import TEXTS

    summarizer = zoo.load(directory / "decoder_summarizer")
    return summarizer.n_best(TEXTS, 1, num_beams=3)


def main():
    directory = Path(sys.argv[1])
    assert keras.backend.backend() == BACKEND
    names = sorted(path.stem for path in directory.glob("*.npz"))
    results = {"cases": {name: compare(directory, name) for name in names}}
    results["steps of families"] = steps_of_families()
    results["tensorflow imported"] = sys.modules.get("tensorflow") is not None
    results["translations"] = translations(directory)
    results["encoder answers"] = encoder_answers(directory)
    results["generations"] = generations(directory)
    results["summaries"] = summaries(directory)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
