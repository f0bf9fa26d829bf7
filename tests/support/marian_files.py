"""Tokenizer files of a Marian model: two tiny SentencePiece models and one vocabulary over both."""

import io
import json

import sentencepiece

LANGUAGES = (">>fra<<", ">>deu<<")


def spm(lines, size, **options):
    """The bytes of a model without byte pieces, as OPUS-MT's are."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=written,
        vocab_size=size,
        minloglevel=2,
        num_threads=1,
        **{"model_type": "unigram", "hard_vocab_limit": False, "character_coverage": 0.995, **options},
    )
    return written.getvalue()


def write(directory, source, target, *, joint=True, config=None):
    """Writes source.spm, target.spm, the vocabulary or vocabularies and tokenizer_config.json.

    Args:
        directory: Where to.
        source, target: Bytes of SentencePiece models.
        joint: Whether there is one vocabulary for both.
        config: More of tokenizer_config.json.

    Returns:
        The entries of the vocabulary by id, and of the target vocabulary.
    """
    directory.mkdir(parents=True, exist_ok=True)
    pieces = []
    for name, model in (("source.spm", source), ("target.spm", target)):
        (directory / name).write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        # Every seventh piece is in no vocabulary, as pieces rarer than Marian's threshold are not.
        pieces.append([processor.id_to_piece(i) for i in range(processor.vocab_size()) if i < 3 or i % 7])
    pieces = [[*pieces[0], *pieces[1]]] if joint else pieces
    # A model has one padding token for both sides.
    first = ["</s>", "<unk>"] if joint else ["</s>", "<unk>", "<pad>"]
    vocabularies = [list(dict.fromkeys([*first, *LANGUAGES, *found, "<pad>"])) for found in pieces]
    for name, vocabulary in zip(("vocab.json", "target_vocab.json"), vocabularies, strict=False):
        content = json.dumps({token: i for i, token in enumerate(vocabulary)}, ensure_ascii=False)
        (directory / name).write_text(content, encoding="utf-8")
    content = {"tokenizer_class": "MarianTokenizer", "separate_vocabs": not joint, "model_max_length": 512}
    (directory / "tokenizer_config.json").write_text(json.dumps({**content, **(config or {})}))
    return vocabularies[0], vocabularies[-1]
