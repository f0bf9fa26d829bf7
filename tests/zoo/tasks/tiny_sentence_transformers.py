"""Directories as sentence-transformers writes them: a tiny random BERT and the modules behind it."""

import sentence_transformers
import torch
import transformers
from sentence_transformers import models as modules

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", *(f"##{letter}" for letter in "abcdefghij"), ":"]


def make_directory(directory, pooling_mode, dense=(), layer_norm=False, normalize=False, truncate_dim=None):
    """A tiny BERT of random weights and the modules behind it, as sentence-transformers writes them."""
    encoder = directory / "encoder"
    encoder.mkdir(parents=True)
    (encoder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    torch.manual_seed(5)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=12,
        intermediate_size=20,
        num_attention_heads=2,
        num_hidden_layers=2,
        max_position_embeddings=16,
    )
    model = transformers.BertModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.4)
    model.save_pretrained(encoder)
    transformers.BertTokenizer(str(encoder / "vocab.txt"), model_max_length=14).save_pretrained(encoder)
    width = 12 if isinstance(pooling_mode, str) else 12 * len(pooling_mode)
    found = [modules.Transformer(str(encoder)), modules.Pooling(12, pooling_mode=pooling_mode)]
    for units, activation in dense:
        found.append(modules.Dense(width, units, activation_function=activation))
        width = units
    found += [modules.LayerNorm(width)] if layer_norm else []
    found += [modules.Normalize()] if normalize else []
    reference = sentence_transformers.SentenceTransformer(
        modules=found, prompts={"query": "a : ", "document": ""}, truncate_dim=truncate_dim, device="cpu"
    )
    reference.save(str(directory / "saved"))
    return directory / "saved", sentence_transformers.SentenceTransformer(str(directory / "saved"), device="cpu")
