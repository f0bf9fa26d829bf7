"""Small data for the summarization recipe: dialogues with two summaries each, of which the first says all."""

import json
import random

NAMES, THINGS, PLACES = ("Ann", "Bob", "Cleo", "Dan"), ("a bus", "a cake", "tea", "a map"), ("Rome", "Oslo", "Bonn")


def write_dialogues(path, count, seed):
    rng = random.Random(seed)
    with path.open("w") as file:
        for _ in range(count):
            name, thing, place = rng.choice(NAMES), rng.choice(THINGS), rng.choice(PLACES)
            lines = [f"{name}: Hello!", f"You: What do you want in {place}?", f"{name}: I want {thing}, please."]
            lines += ["You: Well, well, well, let me see what there is."] * rng.randrange(3)
            row = {
                "dialogue": "\n".join(lines),
                "s1": f"{name} wants {thing} in {place}.",
                "s2": f"{name} is in {place}.",
            }
            file.write(json.dumps(row) + "\n")
