"""What a served language model takes for one more token, by how much text comes before it.

    python tests/benchmarks/context_cost.py --version-dir serving/smollm2/1 --context 64 256 1024 2048 4096

The version is one of an exported `TextGenerator`. For prompts of about so many tokens one token is asked for, then 33,
then one again: the lesser of the two is what the prompt takes, and the difference what 32 tokens take. Other work
on the machine must not change meanwhile. Loaded with nothing but TensorFlow.
"""

import argparse
import resource
import time

import tensorflow as tf
import tensorflow_text  # noqa: F401  its operations are in the graph

NEW_TOKENS = 32


def seconds(generate, inputs, prompt, new_tokens):
    """Wall seconds of an answer of exactly so many tokens."""
    given = {**inputs, "max_new_tokens": new_tokens, "min_new_tokens": new_tokens}
    specs = generate.structured_input_signature[1]
    controls = {name: tf.constant([value], specs[name].dtype) for name, value in given.items()}
    start = time.perf_counter()
    found = generate(text=tf.constant([prompt]), **controls)
    elapsed = time.perf_counter() - start
    if int(found["num_tokens"][0]) < new_tokens - 1:
        raise SystemExit(f"the answer has {int(found['num_tokens'][0])} tokens, not {new_tokens}")
    return elapsed


def main():
    """Prints a row for each context."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--version-dir", required=True)
    parser.add_argument("--context", type=int, nargs="+", default=[64, 256, 1024, 2048, 4096])
    arguments = parser.parse_args()
    # Its variables live as long as it does.
    loaded = tf.saved_model.load(arguments.version_dir)
    generate = loaded.signatures["generate"]
    specs = generate.structured_input_signature[1]
    inputs = {name: "" if spec.dtype == tf.string else 0 for name, spec in specs.items() if name != "text"}
    inputs |= {name: 1.0 for name in ("top_p", "repetition_penalty") if name in inputs}
    seconds(generate, inputs, "the", 2)
    print("| tokens before | prompt, seconds | milliseconds a token | peak memory, MiB |")
    print("| ---: | ---: | ---: | ---: |")
    for context in arguments.context:
        prompt = " ".join(["the"] * context)
        first = seconds(generate, inputs, prompt, 1)
        whole = seconds(generate, inputs, prompt, NEW_TOKENS + 1)
        first = min(first, seconds(generate, inputs, prompt, 1))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"| {context:,} | {first:.2f} | {1000 * (whole - first) / NEW_TOKENS:.1f} | {peak:,} |", flush=True)


if __name__ == "__main__":
    main()
