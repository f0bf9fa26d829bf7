"""Speeds of training updates of contestants that take turns, as numbers and as a table."""

from contestants import median, median_ratio, take_turns
from rich.console import Console
from rich.table import Table


def measure_speeds(contestants, rounds):
    """Runs the rounds and ends the contestants.

    Args:
        contestants: list of `Contestant` whose rounds give "tokens", "loss" and "parameters". Those of PyTorch have
            names that begin with "torch".
        rounds: Number of rounds.

    Returns:
        One dict of results per contestant.
    """
    done_by = take_turns(contestants, rounds)
    peaks = {contestant.name: contestant.finish() for contestant in contestants}

    def speed(entry):
        return entry.result["tokens"] / entry.wall_seconds

    def cpu_speed(entry):
        return entry.result["tokens"] / entry.cpu_seconds

    references = [name for name in done_by if name.startswith("torch")]
    return [
        dict(
            name=name,
            tokens_per_second=median(done, speed),
            tokens_per_second_by_round=[speed(entry) for entry in done],
            ratios={other: median_ratio(done, done_by[other], speed) for other in references},
            cpu_seconds_per_1000_tokens=1000 / median(done, cpu_speed),
            cpu_ratios={other: median_ratio(done, done_by[other], cpu_speed) for other in references},
            peak_memory_mib=peaks[name],
            loss=done[-1].result["loss"],
            parameters=done[-1].result["parameters"],
        )
        for name, done in done_by.items()
    ]


def print_speeds(title, unit, results):
    """One line per contestant.

    Args:
        title: What the table shows.
        unit: Heading of the speeds, such as "target tokens/s".
        results: Those of `measure_speeds`.
    """
    table = Table(title=title)
    references = list(results[0]["ratios"])
    table.add_column("contestant")
    headings = [unit, "from - to", *(f"/ {name}" for name in references), "CPU s / 1000 tokens"]
    headings += [*(f"CPU / {name}" for name in references), "peak MiB", "loss"]
    for heading in headings:
        table.add_column(heading, justify="right")
    for entry in results:
        rounds = entry["tokens_per_second_by_round"]
        table.add_row(
            entry["name"],
            f"{entry['tokens_per_second']:,.0f}",
            f"{min(rounds):,.0f} - {max(rounds):,.0f}",
            *(f"{ratio:.2f}" for ratio in entry["ratios"].values()),
            f"{entry['cpu_seconds_per_1000_tokens']:.2f}",
            *(f"{ratio:.2f}" for ratio in entry["cpu_ratios"].values()),
            f"{entry['peak_memory_mib']:,.0f}",
            f"{entry['loss']:.3f}",
        )
    Console(width=max(160, Console().width)).print(table)
