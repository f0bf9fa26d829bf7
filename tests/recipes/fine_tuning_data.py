"""Small made-up corpora that a tiny encoder learns in seconds: who lives where, and questions about cards."""

import itertools
import random

PEOPLE = ["Ana López", "Bob", "Chen Wei", "Dora Klein", "Emil", "Zoë", "Jean-Luc", "Maria Rossi"]
PLACES = ["Köln", "New York", "Oslo", "Rome", "São Paulo", "Lima"]
FRAMES = [
    "{person} lives in {place} .",
    "In {place} , {person} met {other} .",
    "Nobody goes to {place} now .",
    "{person} and {other} like tea .",
    "The weather is fine today .",
]
TOPICS = {
    "lost": ["I lost my card", "my card is gone", "where did my card go", "someone took my card"],
    "arrival": ["when does my card arrive", "is my card on its way", "how long until the card comes"],
    "limit": ["raise my limit", "what is the limit", "how much can I spend", "my limit is too low"],
}
ENDINGS = ["", " please", "?", " today", " !!", " thanks"]


def entity_sentences(count, seed):
    """Sentences as lists of (token, BIO tag)."""
    rng = random.Random(seed)
    for _ in range(count):
        person, other = rng.sample(PEOPLE, 2)
        fillers = {"{person}": person, "{other}": other, "{place}": rng.choice(PLACES)}
        sentence = []
        for word in rng.choice(FRAMES).split():
            if word in fillers:
                label = "place" if word == "{place}" else "person"
                parts = fillers[word].split()
                sentence += [(part, f"{'I' if index else 'B'}-{label}") for index, part in enumerate(parts)]
            else:
                sentence.append((word, "O"))
        yield sentence


def write_conll(path, count, seed):
    blocks = ("".join(f"{token}\t{tag}\n" for token, tag in sentence) for sentence in entity_sentences(count, seed))
    path.write_text("\n".join(blocks), encoding="utf-8")


def write_classes(path, seed):
    """Every phrase with every ending, in random order, as CSV with a header."""
    rows = [
        (phrase + ending, topic)
        for topic, phrases in TOPICS.items()
        for phrase, ending in itertools.product(phrases, ENDINGS)
    ]
    random.Random(seed).shuffle(rows)
    path.write_text("text,label\n" + "".join(f'"{text}",{topic}\n' for text, topic in rows), encoding="utf-8")


def write_many_classes(path, seed):
    """Two phrases of different topics joined, as CSV with both topics in one column."""
    rng = random.Random(seed)
    lines = ["text,label\n"]
    for _ in range(150):
        topics = rng.sample(sorted(TOPICS), rng.choice([1, 2]))
        text = " and ".join(rng.choice(TOPICS[topic]) for topic in topics)
        lines.append(f'"{text}",{";".join(topics)}\n')
    path.write_text("".join(lines), encoding="utf-8")
