"""Where texts lie and how near to each other: by an embedder, and by the words they share."""

import numpy as np
from scipy import sparse

# Of words with a blank at each end, so that languages without blanks have something in common too.
_NGRAMS = (2, 4)


class EmbedderSpace:
    """Texts by the vectors of an embedder, whose nearness is their cosine.

    Args:
        embedder: `zoo.tasks.TextEmbedder`.
        prompts: Names of the prompts of queries and of documents; the embedder's default for an empty name.
    """

    def __init__(self, embedder, prompts=("", "")):
        self._embedder, self._prompts = embedder, prompts

    def sides(self, queries, documents, of_documents=1):
        """Matrices whose products are similarities.

        Args:
            queries, documents: Lists of str.
            of_documents: Which of the prompts documents have.

        Returns:
            (queries [Q, E], documents [N, E]).
        """
        return self.vectors(queries, 0), self.vectors(documents, of_documents)

    def vectors(self, texts, prompt=0):
        """float32 [N, E] of length 1."""
        name = self._prompts[prompt]
        # Each once: relevant documents are often those of several queries.
        different = list(dict.fromkeys(texts))
        found = self._embedder(different, **({"prompt": name} if name else {}))
        found = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        places = {text: place for place, text in enumerate(different)}
        return found[[places[text] for text in texts]]


class TfidfSpace:
    """Texts by the letters they share: TF-IDF of 2 to 4 letters within words. Nothing is learned but frequencies."""

    def sides(self, queries, documents, of_documents=1):
        """As of `EmbedderSpace`, sparse."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=_NGRAMS, sublinear_tf=True, dtype=np.float32)
        found = vectorizer.fit_transform([*documents, *queries])
        return sparse.csr_matrix(found[len(documents) :]), sparse.csr_matrix(found[: len(documents)])


def products(one, two):
    """Similarity of each row of a matrix with the row of another at its place, float [N]."""
    if sparse.issparse(one):
        return np.asarray(one.multiply(two).sum(axis=1)).ravel()
    return (one * two).sum(axis=1)
