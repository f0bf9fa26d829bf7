"""The `tokenizers` package's BERT tokenizer as reference, and texts to compare with it."""

import csv
import gzip
import json
import os
import random
from pathlib import Path

import numpy as np
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers

from zoo.tokenizers.wordpiece.bert_characters import ORDERED_MARKS, parse_ranges

DATA = Path(os.environ.get("ZOO_DATA_DIR", "absent"))
MARKS = [mark for marks in ORDERED_MARKS.values() for mark in parse_ranges(marks)]
RANDOM_RANGES = """
    20-7e 20-7e 61-7a 0-24f 300-36f 370-2fff 900-dff 1100-11ff 1dc0-1fff 2000-20ff 3000-30ff 4e00-9fff ac00-d7a3
    e000-ffff f900-faff 10000-1ffff 1d150-1d1cf 1f300-1f6ff 0-d7ff e000-10ffff
"""
OTHER_SCRIPTS = [
    "Привет, мир! Ёлка и йод — съешь ещё этих мягких французских булок.",
    "Καλημέρα κόσμε, ΟΔΥΣΣΕΥΣ και ὀδυσσεύς· τί ἐστι;",
    "你好，世界！我在北京大学學習自然語言處理（2024年）。𠀀𪜀豈",
    "こんにちは世界。ガギグゲゴ、ｶﾞｷﾞ、がぎ",
    "안녕하세요 세계, 한국어 문장입니다. \u1112\u1161\u11ab",
    "مرحبا بالعالم، كَيْفَ حالُكَ؟ ١٢٣",
    "שָׁלוֹם עוֹלָם",
    "नमस्ते दुनिया, क़ख़ग़ हिन्दी। বাংলা কোঁ தமிழ் கொ",
    "สวัสดีชาวโลก ข้อความภาษาไทย",
    "İstanbul'da ılık bir gün; IĞDIR, ŞIĞ, çığ",
    "Straße GROẞE ŒUVRE ﬁnance Ångström naïve café cafe\u0301 A\u030a\u0327",
    "Việt Nam: Đường phố Hà Nội, ngày mùng một Tết",
    "Ⴀა Ꭰꭰ Ա և ѐ ꙋ 𐐀𐐨 𞤀𞤢 Ǆ ǅ ǆ",
    "👨‍👩‍👧‍👦 👍🏽 🇩🇪 ☕️ 1️⃣ e\u20e3 ½ ² ™ № ﷺ",
    "zero\u200bwidth, soft\u00adhyphen, no\u00a0break, \ufeffbom, line\u2028and\u2029paragraph\u0085next",
    "nul\x00byte \x01\x1b[31m\x7f tab\there\r\nline \ufffd \ue000 \U000f0000",
    "𝕳𝖊𝖑𝖑𝖔 ℌ 𝟙𝟚 ＦＵＬＬ　ＷＩＤＴＨ，ａ！",
    "snake_case, kebab-case; don't (stop) [SEP] [MASK] ##ing @user #tag $5.00 ^~`|",
    "",
    "   ",
    "x" * 100 + " " + "y" * 101 + " " + "é" * 100 + " " + "e\u0301" * 100 + " " + "e\u0301" * 101,
]


def reference(vocabulary, lowercase=True, strip_accents=None, split_cjk=True, max_word_length=100):
    """BERT's tokenizer over a vocabulary, without special tokens in text."""
    ids = {token: token_id for token_id, token in enumerate(vocabulary)}
    model = models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=max_word_length)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = bert_normalizer(lowercase, strip_accents, split_cjk)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece("##", cleanup=False)
    return tokenizer


def bert_normalizer(lowercase=True, strip_accents=None, split_cjk=True):
    return normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=split_cjk, strip_accents=strip_accents, lowercase=lowercase
    )


def real_texts(per_source):
    """Texts in English and German: captions, questions, dialogues, plays and tweets; empty without the data sets."""
    if not DATA.is_dir():
        return []
    sources = []
    for language in ("en", "de"):
        with gzip.open(DATA / "multi30k" / f"test_2016_flickr.{language}.gz", "rt") as file:
            sources.append(file.readlines())
    with (DATA / "banking77" / "test.csv").open(newline="") as file:
        sources.append([row[0] for row in csv.reader(file)])
    with (DATA / "dialogsum" / "dialogsum.dev.jsonl").open() as file:
        sources.append([json.loads(line)["dialogue"] for line in file])
    sources.append((DATA / "tinyshakespeare" / "input.txt").read_text().split("\n\n"))
    sentences = (DATA / "wnut17" / "emerging.test.annotated").read_text().split("\n\n")
    sources.append([" ".join(line.split("\t")[0] for line in sentence.split("\n")) for sentence in sentences])
    return [text for source in sources for text in source[:per_source]]


def random_texts(count, seed):
    """Texts of characters from one to four of many ranges each, so that neighbours interact."""
    generator = random.Random(seed)
    ranges = [tuple(int(end, 16) for end in part.split("-")) for part in RANDOM_RANGES.split()]
    choices = [lambda first=first, last=last: chr(generator.randint(first, last)) for first, last in ranges]
    choices += [lambda: " ", lambda: chr(generator.choice(MARKS)), lambda: generator.choice("İΣßẞ\u0f73\u0344\u034f\0")]
    texts = []
    for _ in range(count):
        chosen = generator.choices(choices, k=generator.randrange(1, 5))
        texts.append("".join(generator.choice(chosen)() for _ in range(generator.randrange(30))))
    return texts


def marks_change_places(text):
    """Whether canonical ordering moves marks in a text that holds some which accent stripping leaves.

    The reference numbers characters by their place after ordering and before stripping, so that its offsets then tell
    where another character came from: for "\\u302e\\u116b6\\u031e\\u0305", three of the four characters are said to be
    the whole. Its offsets are no reference there; its tokens are.
    """
    decompose = normalizers.NFD().normalize_str
    text = normalizers.BertNormalizer(True, False, False, False).normalize_str(text)
    decomposed = decompose(text)
    return not set(map(ord, decomposed)).isdisjoint(MARKS) and decomposed != "".join(map(decompose, text))


def flat(encodings):
    """Ids, word ids, starts and ends of a batch of the reference's encodings, one array [4, T], and the row lengths."""
    parts = ([], [], [], [])
    for encoding in encodings:
        parts[0].extend(encoding.ids)
        parts[1].extend(encoding.word_ids)
        for start, end in encoding.offsets:
            parts[2].append(start)
            parts[3].append(end)
    return np.array(parts), np.array([len(encoding.ids) for encoding in encodings])
