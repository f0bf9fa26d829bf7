"""Made-up documents on a few topics with words of their own, so that a tiny encoder soon has use for the context."""

import random

TOPICS = {
    "kitchen": ["bread", "soup", "cheese", "cook", "kitchen", "plate", "hungry", "table", "onion", "pepper"],
    "sea": ["ship", "sailor", "harbour", "wave", "storm", "anchor", "island", "captain", "fish", "salty"],
    "school": ["teacher", "pupil", "lesson", "book", "pencil", "answer", "question", "class", "homework", "clever"],
    "garden": ["flower", "tree", "rose", "spade", "gardener", "bee", "leaf", "green", "summer", "grass"],
}


def write_documents(path, count, seed):
    """Writes a text file of documents with 3 to 6 lines each."""
    rng = random.Random(seed)
    documents = []
    for _ in range(count):
        words = TOPICS[rng.choice(sorted(TOPICS))]
        lines = [" ".join(rng.sample(words, 6)) for _ in range(rng.randint(3, 6))]
        documents.append("".join(line + "\n" for line in lines))
    path.write_text("\n".join(documents), encoding="utf-8")
