"""CTranslate2 from text to text, on a directory that `ctranslate2_conversion.convert` wrote."""

import json
from pathlib import Path

import ctranslate2
import sentencepiece


class TextTranslator:
    """A CTranslate2 model with its tokenizers, in float32 with one worker.

    Args:
        directory: What `ctranslate2_conversion.convert` wrote.
        threads: Threads of the worker.
    """

    def __init__(self, directory, threads):
        directory = Path(directory)
        self.engine = ctranslate2.Translator(
            str(directory), device="cpu", compute_type="float32", inter_threads=1, intra_threads=threads
        )
        self.source, self.target = (
            sentencepiece.SentencePieceProcessor(model_file=str(directory / f"{side}.sentencepiece.model"))
            for side in ("source", "target")
        )
        self._escapes = json.loads((directory / "escapes.json").read_text(encoding="utf-8"))
        self._escape_table = str.maketrans(dict(self._escapes))
        self._control_pieces = {
            self.target.id_to_piece(index) for index in range(len(self.target)) if self.target.is_control(index)
        }

    def __call__(self, texts, **options):
        """Translations and scores of one batch; `options` are those of `translate_batch`."""
        results = self.engine.translate_batch([self.pieces(text) for text in texts], **options)
        return [self.text(result.hypotheses[0]) for result in results], [result.scores[0] for result in results]

    def pieces(self, text):
        """The source pieces of one text."""
        return self.source.encode(text.translate(self._escape_table), out_type=str)

    def text(self, pieces):
        """The text of target pieces, special tokens left out."""
        text = self.target.decode([piece for piece in pieces if piece not in self._control_pieces])
        for character, escaped in reversed(self._escapes):
            text = text.replace(escaped, character)
        return text


def ctranslate2_batches(directory, sources, options, threads):
    """Makes a function that translates all sources once, as one round of a benchmark.

    Args:
        directory: See `TextTranslator`.
        sources: Texts.
        options: Those of `translate_batch`.
        threads: Threads of the one worker.
    """
    translate = TextTranslator(directory, threads)

    def work(batch_size):
        texts, scores = [], []
        for start in range(0, len(sources), batch_size):
            found = translate(sources[start : start + batch_size], **options)
            texts += found[0]
            scores += found[1]
        return {"texts": texts, "scores": scores}

    return work
