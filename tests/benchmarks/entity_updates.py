"""Training updates of an encoder with labels for tokens, here and in transformers, as one round of a benchmark."""

from batch_file import load_batches, real_tokens
from keras_updates import limit_threads, rounds_of


def keras_entity_updates(path, pretrained, precision, compiled, num_labels, learning_rate, threads, seed):
    """Makes a function that trains on every batch of a file once, by `fit` as `zoo.training.train` does it.

    Args:
        path: File of `save_batches`.
        pretrained: Hugging Face directory of the encoder.
        precision: "float32" or "mixed_bfloat16".
        compiled: Whether XLA compiles the update.
        num_labels: C.
        learning_rate: Constant learning rate of AdamW.
        threads: Threads that TensorFlow may use.
        seed: Seed of the head and of dropout.
    """
    import keras

    limit_threads(threads)
    from zoo.models import TokenClassifier
    from zoo.tasks import load_pretrained_encoder
    from zoo.training.optimizers.build_optimizer import build_optimizer
    from zoo.training.updates.token_loss import TokenCrossEntropy

    keras.utils.set_random_seed(seed)
    batches = load_batches(path)
    encoder, _ = load_pretrained_encoder(pretrained, pooler=False, dtype=precision)
    model = TokenClassifier(encoder, num_labels, dtype=precision)
    model.build()
    model.compile(
        build_optimizer("adamw", learning_rate, beta_2=0.999, epsilon=1e-8, weight_decay=0.01, clip_norm=1.0),
        TokenCrossEntropy(0.0),
        jit_compile=compiled,
    )
    return rounds_of(model, batches)


def torch_entity_updates(path, pretrained, precision, compiled, num_labels, learning_rate, threads, seed):
    """The same with BertForTokenClassification of transformers in a plain loop; "bfloat16" is autocast."""
    import numpy as np
    import torch
    import transformers

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    batches = load_batches(path)
    model = transformers.AutoModelForTokenClassification.from_pretrained(pretrained, num_labels=num_labels)
    model.train()
    decayed = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, learning_rate, fused=True)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    facts = {"tokens": real_tokens(batches), "parameters": parameters}

    def loss_of(token_ids, mask, labels):
        logits = model(input_ids=token_ids, attention_mask=mask).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())

    if compiled:
        torch._dynamo.config.recompile_limit = len(batches) + 1
        loss_of = torch.compile(loss_of, dynamic=False)

    def work():
        total = 0.0
        for x, labels, weights in batches:
            # -100 is what cross_entropy leaves out.
            labels = torch.from_numpy(np.where(weights > 0, labels, -100).astype(np.int64))
            token_ids, mask = (torch.from_numpy(x[name]).long() for name in ("token_ids", "padding_mask"))
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = loss_of(token_ids, mask, labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        return {**facts, "loss": total / len(batches)}

    return work
