"""Training updates of the same model in PyTorch, as one round of a benchmark."""

import numpy as np
import torch
from batch_file import load_batches, real_tokens
from torch_transformer import TorchTransformer


def torch_updates(path, precision, compiled, sizes, vocabulary_size, learning_rate, threads, seed, adam):
    """Makes a function that trains on every batch of a file once, in a plain loop.

    Args:
        path: File of `save_batches`.
        precision: "float32", or "bfloat16" for autocast.
        compiled: Whether `torch.compile` compiles model and loss, once for each shape.
        sizes: Arguments of `TorchTransformer`.
        vocabulary_size: Tokens in the joint vocabulary.
        learning_rate: Constant learning rate of Adam.
        threads: Threads that PyTorch may use.
        seed: Seed of weights and dropout.
        adam: "fused" or "foreach".
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    batches = load_batches(path)
    model = TorchTransformer(vocabulary_size, **sizes)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate, (0.9, 0.98), 1e-9, **{adam: True})
    parameters = sum(parameter.numel() for parameter in model.parameters())
    facts = {"tokens": real_tokens(batches), "parameters": parameters}

    def loss_of(source_token_ids, source_padding_mask, target_token_ids, labels):
        logits = model(source_token_ids, source_padding_mask, target_token_ids)
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), label_smoothing=0.1)

    if compiled:
        torch._dynamo.config.recompile_limit = len(batches) + 1
        loss_of = torch.compile(loss_of, dynamic=False)

    def work():
        total = 0.0
        for x, labels, weights in batches:
            # -100 is what cross_entropy leaves out.
            labels = torch.from_numpy(np.where(weights > 0, labels, -100).astype(np.int64))
            x = {name: torch.from_numpy(array) for name, array in x.items()}
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = loss_of(**x, labels=labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return {**facts, "loss": total / len(batches)}

    return work
