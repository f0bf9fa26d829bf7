"""Small made-up corpora that a tiny encoder learns in seconds: who lives where, and questions about cards."""

import itertools
import json
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


def write_conll(path, count, seed, scheme="BIO"):
    blocks = []
    for sentence in entity_sentences(count, seed):
        tokens, tags = zip(*sentence, strict=True)
        lines = zip(tokens, SCHEMES[scheme](tags), strict=True)
        blocks.append("".join(f"{token}\t{tag}\n" for token, tag in lines))
    path.write_text("\n".join(blocks), encoding="utf-8")


def iob1(tags):
    """IOB1 of BIO tags of which no two entities touch."""
    return [tag.replace("B-", "I-") for tag in tags]


def bioes(tags):
    """BIOES of BIO tags."""
    found = []
    for tag, following in itertools.pairwise([*tags, "O"]):
        ends = {"B": "S", "I": "E"} if not following.startswith("I-") else {}
        found.append(ends.get(tag[0], tag[0]) + tag[1:])
    return found


SCHEMES = {"BIO": list, "IOB1": iob1, "BIOES": bioes}


def write_spans(path, count, seed):
    """The sentences of `write_conll` as JSON Lines of texts with spans, with no blank before punctuation."""
    rows = []
    for sentence in entity_sentences(count, seed):
        text, spans = "", []
        for token, tag in sentence:
            text += " " if text and token not in ",." else ""
            if tag.startswith("B-"):
                spans.append([len(text), 0, tag[2:]])
            text += token
            if tag != "O":
                spans[-1][1] = len(text)
        rows.append(json.dumps({"text": text, "entities": spans}, ensure_ascii=False) + "\n")
    path.write_text("".join(rows), encoding="utf-8")


def write_classes(path, seed):
    """Every phrase with every ending, in random order."""
    rows = [
        (phrase + ending, [topic])
        for topic, phrases in TOPICS.items()
        for phrase, ending in itertools.product(phrases, ENDINGS)
    ]
    random.Random(seed).shuffle(rows)
    write_rows(path, rows)


def write_many_classes(path, seed, count=150):
    """Two phrases of different topics joined, or one alone, with all their topics."""
    rng, rows = random.Random(seed), []
    for _ in range(count):
        topics = rng.sample(sorted(TOPICS), rng.choice([1, 2]))
        rows.append((" and ".join(rng.choice(TOPICS[topic]) for topic in topics), topics))
    write_rows(path, rows)


def write_rows(path, rows):
    """Texts and their labels in the form that the file's name says; tables have a header, and labels parted by ;."""
    lines = {
        ".csv": lambda text, labels: f'"{text}",{";".join(labels)}',
        ".tsv": lambda text, labels: f"{text}\t{';'.join(labels)}",
        ".jsonl": lambda text, labels: json.dumps({"label": labels if len(labels) > 1 else labels[0], "text": text}),
    }[path.suffix]
    header = {".csv": "text,label\n", ".tsv": "text\tlabel\n", ".jsonl": ""}[path.suffix]
    path.write_text(header + "".join(lines(*row) + "\n" for row in rows), encoding="utf-8")
