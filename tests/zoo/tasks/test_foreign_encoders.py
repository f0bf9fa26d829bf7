"""Encoders of the families after BERT as tasks: their tokenizers and answers."""

import json
import re
import unicodedata

import numpy as np
import pytest
import sentencepiece
import torch
import transformers
from tiny_encoder_tasks import TEXTS
from tiny_foreign_encoders import FAMILIES, MASKS, write, write_tokenizer
from tiny_sentencepiece import FAIRSEQ, spiece

import zoo
from export import export_saved_model
from zoo.checkpoints.hugging_face import DirectoryFiles, load_hugging_face, save_hugging_face, tokenizer_files
from zoo.errors import UserError
from zoo.tasks.foreign import _encoder_tokenizer

OFTEN = ("xlm-roberta", "modernbert")
# How many the ids of pieces are behind those of the model file.
SHIFTED = {"xlm-roberta": 1, "camembert": 4}
LABELS = {0: "x", 1: "y", 2: "z"}
READABLE = [text for text in TEXTS if isinstance(text, str) and text.strip() and "\u0301" not in text]
HARD = [
    *READABLE,
    "",
    "a    b",
    "ünï [MASK]s 3½",
    "das Pferd läuft\u00a0weiß",
    "1234567 (x) #2-3",
    "\u212b NFC e\u0301",
]


def their_ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_in_and_out(family, tmp_path):
    """The ids of transformers; with SentencePiece those of the model file itself, as transformers 4 has them."""
    theirs = write_tokenizer(tmp_path / "in", family)
    ours = _encoder_tokenizer(DirectoryFiles(tmp_path / "in"))
    if family in SHIFTED:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "in" / "sentencepiece.bpe.model"))
        expected = [[3 if piece == 0 else piece + SHIFTED[family] for piece in row] for row in processor.encode(HARD)]
    else:
        expected = [their_ids(theirs, text) for text in HARD]
    assert ours.encode(HARD).to_list() == expected
    for role in ("pad", "cls", "sep", "mask"):
        name = {"cls": "bos", "sep": "eos"}.get(role, role)
        assert getattr(ours, f"{name}_id") == getattr(theirs, f"{role}_token_id"), role
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").write_text(json.dumps({"model_type": family}))
    for name, write_file in tokenizer_files(ours).items():
        write_file(tmp_path / "out" / name)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert [again(text)["input_ids"] for text in READABLE] == [theirs(text)["input_ids"] for text in READABLE]
    assert (again.mask_token_id, type(again)) == (theirs.mask_token_id, type(theirs))


@pytest.mark.parametrize("family", FAMILIES)
def test_classes_and_blanks_are_those_of_the_pipelines(family, tmp_path):
    model, tokenizer = write(tmp_path / "classes", family, "ForSequenceClassification", id2label=LABELS)
    classifier = zoo.load(tmp_path / "classes")
    assert isinstance(classifier, zoo.TextClassifier)
    reference = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    for expected, answer in zip(reference(READABLE), classifier(READABLE), strict=True):
        assert answer["labels"] == [each["label"] for each in expected]
        np.testing.assert_allclose(answer["scores"], [each["score"] for each in expected], atol=1e-5)
    model, tokenizer = write(tmp_path / "blanks", family, "ForMaskedLM")
    filler = zoo.load(tmp_path / "blanks")
    assert isinstance(filler, zoo.MaskedLanguageModel)
    text = f"Marie {MASKS[family]} was born"
    expected = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer, top_k=5)(text)
    found = [(each["token"], each["score"]) for each in filler(text)[0]]
    np.testing.assert_allclose([score for _, score in found], [each["score"] for each in expected], atol=1e-5)
    spelled = filler.tokenizer.id_to_token([each["token"] for each in expected])
    if family not in ("modernbert",):
        assert [token for token, _ in found] == spelled
    filler.save(tmp_path / "preset")
    assert zoo.load(tmp_path / "preset")(text) == filler(text)


@pytest.mark.parametrize("family", FAMILIES)
def test_entities_are_those_of_the_pipeline(family, tmp_path):
    id2label = {0: "O", 1: "A", 2: "B"}
    model, tokenizer = write(tmp_path, family, "ForTokenClassification", id2label=id2label)
    recognizer = zoo.load(tmp_path)
    reference = transformers.pipeline(
        "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple"
    )
    texts = [*READABLE, "  das  Pferd\tläuft \u3000weiß", "日本 中 Marie", "ﬁ ½ ① x²"]
    total = 0
    for text, found in zip(texts, recognizer(texts), strict=True):
        expected = [(entity["entity_group"], entity["start"], entity["end"]) for entity in reference(text)]
        assert [(e["label"], e["start"], e["end"]) for e in found] == expected, text
        assert all(e["text"] == text[e["start"] : e["end"]] for e in found)
        total += len(found)
    assert total > 5
    assert recognizer.settings.trim_blanks == (family != "modernbert")
    if family == "modernbert":
        export_saved_model(
            recognizer, tmp_path / "out", parity_texts=["Cafe\u0301 [MASK]  ½", texts[0]], max_batch_size=2
        )
    for entity in recognizer.with_settings(trim_blanks=True)("  Marie  Curie was"):
        assert entity["text"].strip() == entity["text"] or family != "modernbert"


def places_of_transformers(tokenizer, text):
    found = tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
    return found["offset_mapping"], found.word_ids()


@pytest.mark.parametrize("family", ["xlm-roberta", "camembert", "modernbert"])
def test_places_of_tokens_are_those_of_transformers(family, tmp_path):
    """But for accents that normalisation joins with a letter, which the package leaves out of the letter's token."""
    theirs = write_tokenizer(tmp_path, family)
    ours = _encoder_tokenizer(DirectoryFiles(tmp_path))
    joined = [
        "Cafe\u0301 ne\u0301e",
        "x\u0302\u0323 \u1100\u1161\u11a8a",
        "a\u0301\u0301 \u0301e   e\u0301 \u1ac0e\u0301",
    ]
    texts = [*HARD, "  das  Pferd\tläuft \u3000weiß", "ﬁ ½ ① ＡＢｃ x²日本"]
    # Accents that follow a letter transformers does not normalise as the model file says.
    texts = [text for text in texts if "e\u0301" not in text] if family in SHIFTED else [*texts, *joined]
    found = ours.tokenize_with_offsets(texts)
    assert found.token_ids.to_list() == ours.encode(texts).to_list()
    for text, *row in zip(texts, found.starts.to_list(), found.ends.to_list(), found.word_ids.to_list(), strict=True):
        places, words = places_of_transformers(theirs, text)
        starts, ends, word_ids = row
        assert word_ids == words, text
        starts = [len(text.encode()[:start].decode(errors="ignore")) for start in starts]
        ends = [len(text) - len(text.encode()[end:].decode(errors="ignore")) for end in ends]
        places = [widened(text, start, end) for start, end in places]
        assert list(zip(starts, ends, strict=True)) == places, text


def test_tokenizers_of_other_families_are_refused_by_name(tmp_path):
    """With its model file as with the tokenizer.json that transformers makes of it."""
    (tmp_path / "config.json").write_text('{"model_type": "albert"}')
    (tmp_path / "spiece.model").write_bytes(spiece(FAIRSEQ))
    with pytest.raises(UserError, match="tokenizer_class 'AlbertTokenizer' is not supported"):
        _encoder_tokenizer(DirectoryFiles(tmp_path))
    (tmp_path / "spiece.model").rename(tmp_path / "elsewhere")
    transformers.AlbertTokenizer().save_pretrained(tmp_path)
    with pytest.raises(UserError, match="tokenizer_class 'AlbertTokenizer' is not supported"):
        _encoder_tokenizer(DirectoryFiles(tmp_path))


def widened(text, start, end):
    """A place with all of what normal form C changes a part of."""
    for piece in re.finditer(r"(?s).[\u0300-\u036f\u1ac0\u1160-\u11ff]*", text):
        if unicodedata.normalize("NFC", piece[0]) != piece[0]:
            start = piece.start() if piece.start() < start < piece.end() else start
            end = piece.end() if piece.start() < end < piece.end() else end
    return start, end


def test_a_directory_written_here_is_of_its_own_family(tmp_path):
    for family in FAMILIES:
        write(tmp_path / family, family, "Model")
        encoder = load_hugging_face(tmp_path / family).model
        save_hugging_face(encoder, tmp_path / "out" / family)
        assert json.loads((tmp_path / "out" / family / "config.json").read_text())["model_type"] == family


@pytest.mark.parametrize(
    "family", [*OFTEN, *(pytest.param(family, marks=pytest.mark.long) for family in FAMILIES if family not in OFTEN)]
)
def test_vectors_are_means_of_the_hidden_states_and_exports_give_them(family, tmp_path):
    model, tokenizer = write(tmp_path / "in", family, "Model")
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for path, kind in kinds.items()]
    (tmp_path / "in" / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "in" / "1_Pooling").mkdir()
    pooling = {"pooling_mode_mean_tokens": True, "word_embedding_dimension": 16}
    (tmp_path / "in" / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    embedder = zoo.load(tmp_path / "in")
    inputs = tokenizer(READABLE, padding=True, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.no_grad():
        hidden = model(**inputs)[0]
    mask = inputs["attention_mask"][:, :, None]
    expected = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
    found = np.asarray(embedder(READABLE))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, np.abs(expected).max()))
    version = export_saved_model(embedder, tmp_path / "out", parity_texts=READABLE, max_batch_size=4)
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert report["rows"] > 2 * len(READABLE)
