"""Tiny directories of encoders with heads, cross-encoders and sentence embeddings, and what is answered after them."""

import json
import shutil
from typing import ClassVar

import tiny_foreign_encoders
import tiny_pairs
import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer
from test_foreign import READABLE, pipeline, write
from test_foreign_byte_pairs import PROMPTS, write_roberta
from tiny_sentence_transformers import make_directory

TOKENIZER_FILES = ("special_tokens_map.json", "tokenizer.json")
ENCODER_FILES = ("config.json", "tokenizer_config.json", *TOKENIZER_FILES)
BYTE_PAIRS = {
    **dict.fromkeys(("unk_token", "fuse_unk"), "every byte has a token"),
    "mask_token": "of models that fill blanks",
    "pad_token": "padding is masked",
}
ROBERTA = {
    **BYTE_PAIRS,
    **dict.fromkeys(("add_bos_token", "add_eos_token"), "the class always puts both tokens around"),
}


class Classifier:
    """A BERT of three classes."""

    texts = (*READABLE[:2], "naïve 中国")
    unimportant: ClassVar = {
        **dict.fromkeys(("bos_token", "eos_token"), "no part of a text by itself"),
        **dict.fromkeys(
            ("handle_chinese_chars", "strip_accents", "lowercase"), "the class makes a normaliser of its own"
        ),
        **dict.fromkeys(("decoder", "cleanup", "prefix"), "no answer is decoded"),
    }
    files = ENCODER_FILES

    def write(self, directory):
        write(directory, transformers.BertForSequenceClassification, 1, id2label={0: "a", 1: "b", 2: "c"})

    def theirs(self, directory):
        found = pipeline("text-classification", directory, top_k=None)(list(self.texts), truncation=True)
        return [{each["label"]: each["score"] for each in row} for row in found]

    def ours(self, task):
        rows = task(self.texts)
        return [
            dict(zip(row.get("all_labels", row["labels"]), row.get("all_scores", row["scores"]), strict=True))
            for row in rows
        ]


class Tagger:
    """A DistilBERT whose tags have no prefixes, so that every token counts."""

    files = ENCODER_FILES
    texts = READABLE[:3]
    # The zoo reads the rest of a longer text in further windows, where transformers cuts it off.
    differing = ("max_len", "model_max_length")
    unimportant: ClassVar = Classifier.unimportant

    def write(self, directory):
        write(directory, transformers.BertForTokenClassification, 1)
        sizes = dict(dim=16, hidden_dim=24, n_heads=2, n_layers=2, max_position_embeddings=64)
        vocabulary_size = json.loads((directory / "config.json").read_text())["vocab_size"]
        config = transformers.DistilBertConfig(vocab_size=vocabulary_size, **sizes, id2label={0: "O", 1: "A", 2: "B"})
        torch.manual_seed(2)
        model = transformers.DistilBertForTokenClassification(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.5)
        model.save_pretrained(directory)

    def theirs(self, directory):
        found = pipeline("token-classification", directory, aggregation_strategy="simple")
        return [{(e["entity_group"], e["start"], e["end"]): e["score"] for e in found(text)} for text in self.texts]

    def ours(self, task):
        return [{(e["label"], e["start"], e["end"]): e["score"] for e in row} for row in task(self.texts)]


class BytePairTagger(Tagger):
    """A RoBERTa likewise, of texts whose words are those between blanks."""

    files = ENCODER_FILES
    unimportant = ROBERTA
    texts = [text for text in PROMPTS if text.isascii() and not set(text) & set("',")][:4]

    def write(self, directory):
        write_roberta(directory, transformers.RobertaForTokenClassification, id2label={0: "O", 1: "A", 2: "B"})


class LaterClassifier(Classifier):
    """A classifier of a family that came after these."""

    texts = ("Marie Curie was born in Warsaw", "near the Rhine and a horse", "the cafe is closed")

    def __init__(self, family, further_files=(), **unimportant):
        self._family, self.files = family, (*ENCODER_FILES, *further_files)
        self.unimportant = {**Classifier.unimportant, **unimportant}

    def write(self, directory):
        labels = {0: "a", 1: "b", 2: "c"}
        tiny_foreign_encoders.write(directory, self._family, "ForSequenceClassification", id2label=labels)


class Scorer:
    """A BERT that scores pairs of texts, as sentence-transformers writes it."""

    files = ("config_sentence_transformers.json", "modules.json", "sentence_bert_config.json", *ENCODER_FILES)
    unimportant = Classifier.unimportant
    pairs = (("low lower", "lowest 12"), ("born", "the cafe in warsaw"), ("unbelievable", "low " * 30))

    def write(self, directory):
        made = directory.with_name("made")
        tiny_pairs.write(made, "Bert", "ForSequenceClassification", num_labels=1)
        CrossEncoder(str(made)).save_pretrained(str(directory))
        shutil.rmtree(made)

    def theirs(self, directory):
        found = CrossEncoder(str(directory), device="cpu").predict(list(self.pairs))
        return [{"score": float(score)} for score in found]

    def ours(self, task):
        return [{"score": each["score"]} for each in task(*map(list, zip(*self.pairs, strict=True)))]


class Embedder:
    """A BERT with pooling, a dense layer and normalisation behind it, and how similar its vectors are."""

    files = (
        *("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"),
        *("1_Pooling/config.json", "2_Dense/config.json", *ENCODER_FILES),
    )
    unimportant = Classifier.unimportant
    texts = ("a b c", "abc def", "j" * 9 + " a b c d e f g h i j a b c d")

    def write(self, directory):
        made = directory.with_name("made")
        saved, _ = make_directory(made, "mean", dense=[(7, torch.nn.Tanh())], normalize=True)
        saved.rename(directory)
        shutil.rmtree(made)

    def theirs(self, directory):
        model = SentenceTransformer(str(directory), device="cpu")
        texts = list(self.texts)
        vectors = model.encode(texts)
        similarity = float(model.similarity_pairwise(vectors[:1], vectors[1:2])[0])
        return [_row(vectors), _row(model.encode(texts, prompt_name="query")), {"similarity": similarity}]

    def ours(self, task):
        texts = list(self.texts)
        similarity = task.similarity(*texts[:2])
        return [_row(task(texts)), _row(task(texts, prompt="query")), {"similarity": float(similarity)}]


def _row(vectors):
    return {str(place): float(value) for place, value in enumerate(vectors.ravel())}


ENCODERS = {
    "bert": Classifier(),
    "distilbert": Tagger(),
    "roberta": BytePairTagger(),
    **{family: LaterClassifier(family) for family in ("mpnet", "electra", "modernbert")},
    "xlm-roberta": LaterClassifier("xlm-roberta", ["sentencepiece.bpe.model"]),
    "cross-encoder": Scorer(),
    "sentence-transformers": Embedder(),
}
