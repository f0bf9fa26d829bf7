import importlib.util
import math
import re
import subprocess
import sys
import urllib.error
from collections import Counter

import pytest
import sacrebleu
from sacrebleu.tokenizers import tokenizer_spm

from zoo import metrics
from zoo.errors import UserError
from zoo.metrics import translation
from zoo.metrics.bleu_tokenizers import bleu_tokenizer
from zoo.metrics.text_language import language_from_code

HYPOTHESES = [
    "Ein Mann mit einem orangen Hut starrt auf etwas.",
    "Ein Boston Terrier läuft über saftig-grünes Gras vor einem weißen Zaun.",
    'Zwei Kinder sagen: "Das ist unser Hund."',
    "Leute reparieren das Dach eines Hauses für 3,50 € pro Stunde.",
]
REFERENCES = [
    "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
    "Ein Boston Terrier läuft über saftig-grünes Gras vor einem weißen Zaun.",
    'Zwei Kinder rufen: "Das ist unser kleiner Hund!"',
    "Leute Reparieren das Dach eines Hauses für 3,50 € pro Stunde.",
]
OTHER_REFERENCES = [
    "Ein Mann mit orangem Hut starrt auf etwas.",
    "Ein Boston Terrier rennt auf grünem Gras vor einem Zaun.",
    'Zwei Kinder sagen, "das ist unser Hund".',
    "Menschen reparieren ein Dach.",
]
# The same, lowercased, normalized and tokenized by hand after the rules of Moses' scripts: German full stops move
# behind a closing quotation mark, numbers and hyphenated words stay whole.
TOKENIZED_HYPOTHESES = [
    "ein mann mit einem orangen hut starrt auf etwas .",
    "ein boston terrier läuft über saftig-grünes gras vor einem weißen zaun .",
    "zwei kinder sagen : &quot; das ist unser hund &quot; .",
    "leute reparieren das dach eines hauses für 3,50 € pro stunde .",
]
TOKENIZED_REFERENCES = [
    "ein mann mit einem orangefarbenen hut , der etwas anstarrt .",
    "ein boston terrier läuft über saftig-grünes gras vor einem weißen zaun .",
    "zwei kinder rufen : &quot; das ist unser kleiner hund ! &quot;",
    "leute reparieren das dach eines hauses für 3,50 € pro stunde .",
]


def multi_bleu(hypotheses, reference_lists):
    """BLEU as in Papineni et al. 2002 and multi-bleu.perl: no smoothing, closest reference length."""
    matches, totals = [0] * 4, [0] * 4
    hypothesis_length = reference_length = 0
    for row, hypothesis in enumerate(hypotheses):
        words = hypothesis.split()
        references = [each[row].split() for each in reference_lists]
        hypothesis_length += len(words)
        reference_length += min((abs(len(each) - len(words)), len(each)) for each in references)[1]
        for n in range(1, 5):
            grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
            allowed = Counter()
            for each in references:
                allowed |= Counter(tuple(each[i : i + n]) for i in range(len(each) - n + 1))
            matches[n - 1] += sum((grams & allowed).values())
            totals[n - 1] += sum(grams.values())
    if 0 in matches:
        return 0.0
    brevity = min(1.0, math.exp(1 - reference_length / hypothesis_length))
    return 100 * brevity * math.exp(sum(math.log(m / t) for m, t in zip(matches, totals, strict=True)) / 4)


def write_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def sacrebleu_command(tmp_path, *options):
    """Runs sacrebleu's own command line and returns its score and signature."""
    files = [write_lines(tmp_path / "r1", REFERENCES), write_lines(tmp_path / "r2", OTHER_REFERENCES)]
    hypotheses = write_lines(tmp_path / "h", HYPOTHESES)
    command = [sys.executable, "-m", "sacrebleu", *map(str, files), "-i", str(hypotheses), "-f", "text", "-w", "6"]
    output = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    signature, score = re.match(r"[^|]*\|(\S+) = ([0-9.]+)", output).groups()
    return float(score), signature


def test_bleu_and_chrf_equal_the_command_line_of_sacrebleu(tmp_path):
    references = [REFERENCES, OTHER_REFERENCES]
    for score, options in (
        (metrics.bleu(HYPOTHESES, references), ("-m", "bleu")),
        (metrics.chrf(HYPOTHESES, references), ("-m", "chrf")),
        (metrics.bleu(HYPOTHESES, references, lowercase=True), ("-m", "bleu", "-lc")),
        (metrics.chrf(HYPOTHESES, references, lowercase=True), ("-m", "chrf", "--chrf-lowercase")),
    ):
        value, signature = sacrebleu_command(tmp_path, *options)
        assert score.value == pytest.approx(value, abs=1e-5)
        assert 20 < score.value < 100
        assert score.signature == signature


def test_one_reference_list_needs_no_outer_list():
    assert metrics.bleu(HYPOTHESES, REFERENCES) == metrics.bleu(HYPOTHESES, [REFERENCES])
    assert metrics.chrf(HYPOTHESES, tuple(REFERENCES)) == metrics.chrf(HYPOTHESES, [REFERENCES])
    assert metrics.bleu(HYPOTHESES, REFERENCES) != metrics.bleu(HYPOTHESES, [REFERENCES, OTHER_REFERENCES])


def test_tokenized_bleu_of_hand_tokenized_text():
    expected = multi_bleu(TOKENIZED_HYPOTHESES, [TOKENIZED_REFERENCES])
    assert 40 < expected < 90
    score = metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "de")
    assert score.value == pytest.approx(expected, abs=1e-6)
    fields = score.signature.split("|")
    assert fields[:3] == ["nrefs:1", "case:lc", "eff:no"]
    assert "norm:moses-de" in fields
    assert "smooth:none" in fields
    assert any(field.startswith("tok:moses-de-sacremoses-") for field in fields)
    assert f"version:{sacrebleu.__version__}" in fields
    assert score.value != pytest.approx(metrics.bleu(HYPOTHESES, REFERENCES).value, abs=0.5)


def test_tokenization_by_hand():
    prepare, *_ = translation._moses_preparation("de")
    # A closing quotation mark at the end of a line is followed by a blank in the port's output; BLEU splits at blanks.
    assert [text.split() for text in prepare(HYPOTHESES)] == [text.split() for text in TOKENIZED_HYPOTHESES]
    assert [text.split() for text in prepare(REFERENCES)] == [text.split() for text in TOKENIZED_REFERENCES]
    prepare, *_ = translation._moses_preparation("en")
    texts = ["A man's dog, isn't it?", "“Hi” – he said.", "He said “stop”.", "", "Mr. Smith ran 5 km."]
    assert prepare(texts) == [
        "a man &apos;s dog , isn &apos;t it ?",
        "&quot; hi &quot; - he said .",
        "he said &quot; stop . &quot;",
        "",
        "mr. smith ran 5 km .",
    ]


def test_tokenized_bleu_with_two_references_of_other_lengths():
    hypotheses = ["a b c d e f", "a b c d"]
    references = [["a b c d x f g", "a b c d z y x"], ["a b c d e", "a b c d"]]
    expected = multi_bleu(hypotheses, references)
    assert 0 < expected < 100
    assert metrics.lowercase_tokenized_bleu(hypotheses, references, "en").value == pytest.approx(expected, abs=1e-6)


def test_tokenized_bleu_is_not_smoothed():
    hypotheses, references = ["a b c x e f"], ["a b c d e f"]
    assert metrics.lowercase_tokenized_bleu(hypotheses, references, "en").value == 0
    assert metrics.bleu(hypotheses, references).value > 0


def test_case_counts_only_where_it_should():
    upper = [text.upper() for text in REFERENCES[:2]]
    assert metrics.lowercase_tokenized_bleu(upper, REFERENCES[:2], "de").value < 100  # ß becomes SS
    assert metrics.lowercase_tokenized_bleu(upper[:1], REFERENCES[:1], "de").value == pytest.approx(100)
    assert metrics.bleu(upper[:1], REFERENCES[:1]).value < 50


def test_mistakes():
    with pytest.raises(UserError, match="4 hypotheses but the reference list has 3"):
        metrics.bleu(HYPOTHESES, REFERENCES[:3])
    with pytest.raises(UserError, match="4 hypotheses but reference list 2 has 3"):
        metrics.chrf(HYPOTHESES, [REFERENCES, REFERENCES[:3]])
    with pytest.raises(UserError, match="no hypotheses"):
        metrics.bleu([], [])
    with pytest.raises(UserError, match="no references"):
        metrics.bleu(HYPOTHESES, [])
    with pytest.raises(TypeError, match="lists of str"):
        metrics.bleu("text", "text")
    with pytest.raises(UserError, match="there is no language 'German'"):
        metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "German")


# Two sentences each, the first of four or more tokens, and the same with one word exchanged.
TEXTS = {
    "en": (["The weather is very fine today.", "He bought a new book."], "fine", "bad"),
    "de": (["Das Wetter ist heute sehr schön.", "Er hat ein Buch gekauft."], "schön", "trüb"),
    "ru": (["Сегодня очень хорошая погода.", "Он купил новую книгу."], "хорошая", "плохая"),
    "zh": (["今天天气很好我们去公园玩。", "他昨天买了一本新书。"], "很好", "真好"),
    "ja": (["今日はとても良い天気ですね。", "彼は昨日新しい本を買いました。"], "とても", "かなり"),
    "ko": (["오늘은 날씨가 아주 좋습니다.", "그는 어제 새 책을 샀습니다."], "아주", "매우"),
    "th": (["วันนี้อากาศดีมาก", "เขาซื้อหนังสือเล่มใหม่"], "ดีมาก", "แย่มาก"),
    "ar": (["الطقس جميل جدا اليوم في المدينة", "اشترى كتابا جديدا بالأمس"], "جميل", "سيئ"),
    "hi": (["आज मौसम बहुत अच्छा है।", "उसने कल एक नई किताब खरीदी।"], "बहुत", "काफी"),
}
TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab", "th": "char"}


@pytest.mark.parametrize("language", TEXTS)
def test_identical_and_near_texts_in_every_script(language):
    texts, word, other = TEXTS[language]
    near = [text.replace(word, other) for text in texts]
    disjoint = ["☃"] * len(texts)
    tokenizer = TOKENIZERS.get(language, "13a")
    if "mecab" in tokenizer:
        pytest.importorskip("MeCab" if language == "ja" else "mecab_ko")
    for code in (language, None):
        assert metrics.bleu(texts, texts, language=code).value == pytest.approx(100)
        found = metrics.bleu(near, texts, language=code)
        expected = sacrebleu.BLEU(tokenize=tokenizer)
        assert found.value == expected.corpus_score(near, [texts]).score
        assert found.signature == expected.get_signature().format()
        assert 20 < found.value < 95
        assert metrics.bleu(disjoint, texts, language=code).value == 0
    assert metrics.chrf(texts, texts).value == pytest.approx(100)
    assert metrics.chrf(disjoint, texts).value == 0


def test_characters_where_mecab_is_not_installed(monkeypatch):
    for language, module, name in (("ja", "MeCab", "ja-mecab"), ("ko", "mecab_ko", "ko-mecab")):
        real = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda each, m=module, r=real: None if each == m else r(each))
        texts, word, other = TEXTS[language]
        found = metrics.bleu([text.replace(word, other) for text in texts], texts, language=language)
        expected = sacrebleu.BLEU(tokenize="char")
        assert found.value == expected.corpus_score([text.replace(word, other) for text in texts], [texts]).score
        assert "|tok:char|" in found.signature
        remark = bleu_tokenizer(language_from_code(language))[1]
        assert remark.endswith(f"pip install 'keras-transformer-zoo[{language}]' for {name}")
        with pytest.raises(UserError, match=f"the BLEU tokenizer {name} needs MeCab: pip install"):
            metrics.bleu(texts, texts, tokenizer=name)


def test_texts_too_short_for_4grams_score_100_against_themselves():
    texts = ["Guten Tag", "Ja"]
    assert sacrebleu.corpus_bleu(texts, [texts]).score == 0
    found = metrics.bleu(texts, texts)
    assert found.value == pytest.approx(100) and "|eff:yes|" in found.signature
    assert metrics.lowercase_tokenized_bleu(texts, texts, "de").value == pytest.approx(100)
    # One reference of four tokens is enough for the usual score.
    assert "|eff:no|" in metrics.bleu([*texts, "a b c d"], [*texts, "a b c d"]).signature


def test_a_model_of_a_tokenizer_that_cannot_be_had(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(tokenizer_spm, "download_file", refuse)
    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"the model of the BLEU tokenizer flores200 can neither be read .*no network"):
        metrics.bleu(HYPOTHESES, REFERENCES, tokenizer="flores200")
    with pytest.raises(UserError, match="no BLEU tokenizer 'moses'; the names are 13a"):
        metrics.bleu(HYPOTHESES, REFERENCES, tokenizer="moses")


def test_intervals_are_those_of_sacrebleu():
    found = metrics.bleu(HYPOTHESES, REFERENCES, intervals=True)
    metric = sacrebleu.BLEU()
    expected = metric.corpus_score(HYPOTHESES, [REFERENCES], n_bootstrap=1000)
    assert found.value == metrics.bleu(HYPOTHESES, REFERENCES).value
    assert (found.low, found.high) == (expected._mean - expected._ci, expected._mean + expected._ci)
    assert found.signature == metric.get_signature().format() and "|bs:1000|" in found.signature


def test_moses_is_for_languages_that_it_has():
    for code in ("zh", "ja", "yue_Hant", "th", "tr", "sw"):
        with pytest.raises(UserError, match="Moses' tokenizer has no rules for"):
            metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, code)
    expected = metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "de")
    for code in ("deu_Latn", "de-AT", "ger", "de_DE"):
        assert metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, code) == expected


def test_missing_sacremoses_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    with pytest.raises(UserError, match="pip install sacremoses"):
        metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "de")
