#!/bin/sh
# sentence-transformers 5.6.0: leaving a prompt out of the mean leaves out the first word of the text too.
#
# With include_prompt=False, Pooling averages the tokens after the prompt. Their number is not taken from the tokenized
# text: the prompt is tokenized alone, and as many tokens are cut off. Prompts end in a blank ("query: "). Alone, the
# blank is a token; before a text, byte-level BPE (GPT-2, Llama 3, Qwen) makes it the beginning of the first word. So
# one token too many is cut off, without a warning. A text of one token is left with no token at all: all such texts
# get the zero vector. With WordPiece, whose blanks are no tokens, the result is right. (A comment in the code
# considers comparing two tokenizations; no issue about this was found.)
#
# Run with Python 3.11 on Linux x86-64, CPU: sentence-transformers 5.6.0, transformers 5.24.0, tokenizers 0.23.3,
# torch 2.13.0, numpy 2.4.6. Output:
#   prompt alone: ['query', ':', 'Ġ'] with a text: ['query', ':', 'Ġparis']
#   paris: largest number of the embedding 0.000; of the mean of the 1 token after the prompt 3.013
#   rome: largest number of the embedding 0.000; of the mean of the 1 token after the prompt 2.342
#   two dogs run: cosine with the mean of 'Ġtwo Ġdogs Ġrun' 0.81, of 'Ġdogs Ġrun' 1.00
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet sentence-transformers==5.6.0 transformers==5.24.0 tokenizers==0.23.3 \
    torch==2.13.0 numpy==2.4.6
venv/bin/python - 2>warnings.txt <<'EOF' || { cat warnings.txt; exit 1; }
import numpy as np
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

texts = ["paris", "rome", "two dogs run"]
words = Tokenizer(models.BPE())
words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
alphabet = pre_tokenizers.ByteLevel.alphabet()
trainer = trainers.BpeTrainer(
    vocab_size=400, special_tokens=["<pad>"], initial_alphabet=alphabet, show_progress=False
)
words.train_from_iterator(["query: " + text for text in texts], trainer)
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>")
torch.manual_seed(0)
llama = transformers.LlamaModel(
    transformers.LlamaConfig(
        vocab_size=400, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, pad_token_id=0
    )
).eval()
llama.save_pretrained("llama")
tokenizer.save_pretrained("llama")
modules = [Transformer("llama"), Pooling(16, pooling_mode="mean", include_prompt=False)]
embedder = SentenceTransformer(modules=modules, prompts={"query": "query: "}, device="cpu")
print("prompt alone:", tokenizer.tokenize("query: "), "with a text:", tokenizer.tokenize("query: paris"))


def vectors(text):
    tokens = tokenizer.tokenize("query: " + text)
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(tokens)])
    with torch.no_grad():
        return tokens[2:], llama(ids).last_hidden_state[0, 2:].numpy()


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


for text in texts[:2]:
    embedding, (tokens, states) = embedder.encode(text, prompt_name="query"), vectors(text)
    print(
        f"{text}: largest number of the embedding {abs(embedding).max():.3f};"
        f" of the mean of the {len(tokens)} token after the prompt {abs(states.mean(0)).max():.3f}"
    )
    assert not embedding.any() and len(tokens) == 1 and states.any(), "the behaviour has changed"
embedding, (tokens, states) = embedder.encode(texts[2], prompt_name="query"), vectors(texts[2])
of_text, of_rest = cosine(embedding, states.mean(0)), cosine(embedding, states[1:].mean(0))
print(
    f"{texts[2]}: cosine with the mean of {' '.join(tokens)!r} {of_text:.2f}, of {' '.join(tokens[1:])!r} {of_rest:.2f}"
)
assert of_text < 0.95 and of_rest > 0.9999, "the behaviour has changed"
EOF
