"""Fine-tuning in PyTorch as the examples of transformers do it, for comparison with recipes."""

import json
import random
import time

import numpy as np
import torch
import transformers


def seed_everything(seed):
    """Seeds every generator that a contestant draws from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def padded(rows, fill):
    """Lists of int as one int64 tensor."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])


def fine_tune(model, lengths, loss_of, evaluate, settings):
    """Trains, and puts the weights of the epoch with the best validation score back into the model.

    AdamW that decays matrices alone, linear warm-up and decay, gradients clipped to norm 1. Rows of similar length
    share a batch, as in the recipes.

    Args:
        model: `torch.nn.Module`.
        lengths: Token counts of the N rows.
        loss_of: From a list of row numbers to the mean loss of that batch.
        evaluate: Returns the validation score; higher is better.
        settings: dict of "epochs", "batch_size", "learning_rate", "warmup_share" and "weight_decay".

    Returns:
        The best validation score and the seconds of an epoch, validation not counted.
    """
    size = settings["batch_size"]
    steps = -(-len(lengths) // size) * settings["epochs"]
    decayed = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": settings["weight_decay"]}, {"params": others, "weight_decay": 0.0}],
        lr=settings["learning_rate"],
    )
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, int(settings["warmup_share"] * steps), steps)
    best, best_state, seconds = -1.0, None, 0.0
    for _ in range(settings["epochs"]):
        model.train()
        started = time.perf_counter()
        for rows in _batches(lengths, size):
            loss = loss_of(rows)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        seconds += time.perf_counter() - started
        model.eval()
        with torch.no_grad():
            score = evaluate()
        if score > best:
            best, best_state = score, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(best_state)
    model.eval()
    return best, seconds / settings["epochs"]


def _batches(lengths, size):
    order = list(range(len(lengths)))
    random.shuffle(order)
    pools = [order[start : start + size * 50] for start in range(0, len(order), size * 50)]
    batches = [
        pool[start : start + size]
        for pool in (sorted(pool, key=lambda row: lengths[row]) for pool in pools)
        for start in range(0, len(pool), size)
    ]
    random.shuffle(batches)
    return batches


def print_result(score, validation_score, seconds_per_epoch):
    """The line that a contestant's process ends with."""
    print(
        json.dumps(
            {"score": score, "validation_score": validation_score, "seconds_per_epoch": seconds_per_epoch},
        )
    )
