#!/bin/sh
# sentence-transformers 5.6.0: weighted-mean pooling of left-padded texts depends on the other texts of the batch.
#
# pooling_mode="weightedmean" (SGPT's, for decoders) weighs the tokens of a text by 1, 2, 3 and so on. It counts the
# columns of the batch, padding included: after 40 columns of padding, five tokens weigh 41 to 45, which is nearly a
# plain mean. Tokenizers of decoders often pad on the left. The embedding of a text then depends on the longest text of
# its batch, with no warning; with padding on the right, and in all other modes, it does not. (Issue 3208 of the
# project was about "cls" and left padding, and is mended; none about this mode was found.)
#
# Run with Python 3.11 on Linux x86-64, CPU: sentence-transformers 5.6.0, transformers 5.24.0, tokenizers 0.23.3,
# torch 2.13.0, numpy 2.4.6. Output:
#   padding on the right: cosine of the embeddings of one text, alone and beside a longer text: 1.000
#   padding on the left: cosine of the embeddings of one text, alone and beside a longer text: 0.973
#   padding on the left, mode mean: cosine of the embeddings of one text, alone and beside a longer text: 1.000
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
from tokenizers import Tokenizer, models, pre_tokenizers

text, longer = "two dogs run through snow", " ".join(["a man rides a horse"] * 9)
vocabulary = {word: id for id, word in enumerate(["<pad>", *sorted({*text.split(), *longer.split()})])}
words = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
torch.manual_seed(0)
llama = transformers.LlamaModel(
    transformers.LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, pad_token_id=0
    )
)
llama.save_pretrained("llama")


def cosine(side, mode):
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", padding_side=side)
    tokenizer.save_pretrained("llama")
    embedder = SentenceTransformer(modules=[Transformer("llama"), Pooling(16, pooling_mode=mode)], device="cpu")
    alone, (beside, _) = embedder.encode(text), embedder.encode([text, longer])
    return float(alone @ beside / np.linalg.norm(alone) / np.linalg.norm(beside))


found = {}
for side, mode in [("right", "weightedmean"), ("left", "weightedmean"), ("left", "mean")]:
    found[side, mode] = cosine(side, mode)
    name = f"padding on the {side}" + (", mode mean" if mode == "mean" else "")
    print(f"{name}: cosine of the embeddings of one text, alone and beside a longer text: {found[side, mode]:.3f}")
assert found["right", "weightedmean"] > 0.9999 and found["left", "mean"] > 0.9999, "the behaviour has changed"
assert found["left", "weightedmean"] < 0.99, "the behaviour has changed"
EOF
