"""ROUGE of other scripts, against counts of words and characters by hand; English against rouge-score itself."""

import random
import unicodedata

import pytest
from rouge_score.rouge_scorer import RougeScorer

from zoo.errors import UserError
from zoo.metrics import rouge
from zoo.metrics.rouge_tokenizers import UnicodeTokenizer


def test_words_of_unicode():
    words = UnicodeTokenizer().tokenize
    assert words("Für 3,50 € nach Köln — l’été, don't!") == ["für", "3,50", "nach", "köln", "l’été", "don't"]
    assert words("Привет, мир!") == ["привет", "мир"]
    assert words("मैं हिन्दी बोलता हूँ।") == ["मैं", "हिन्दी", "बोलता", "हूँ"]
    assert words("مرحبا بالعالم، می‌خواهم") == ["مرحبا", "بالعالم", "می‌خواهم"]
    assert words("안녕하세요 세계") == ["안녕하세요", "세계"]
    assert words("... ☃ !") == []
    # Before its release 2026.11.18 the package regex missed the boundary after these marks.
    assert words("’hello (’s \n’e") == ["hello", "s", "e"]
    assert words(unicodedata.normalize("NFD", "été Ångström 한국")) == words("été Ångström 한국")


def test_characters_where_words_are_not_written_apart():
    characters = UnicodeTokenizer(characters=True).tokenize
    assert characters("今天天气很好，iPhone 15！") == [*"今天天气很好", "iphone", "15"]
    assert characters("スマートフォンを買う。") == [*"スマートフォンを買う"]
    assert characters("สวัสดี ครับ") == [*"สวัสดีครับ"]
    assert characters("မြန်မာ ភាសា ພາສາ") == [*"မြန်မာភាសាພາສາ"]


def test_identical_texts_score_100_and_disjoint_ones_0_in_every_script():
    other = "☃ xyzzy"
    for text in (
        "für Öl",
        "Привет мир",
        "今天天气很好",
        "とても良い",
        "안녕 세계",
        "สวัสดีครับ",
        "مرحبا بالعالم",
        "नमस्ते दुनिया",
    ):
        same, disjoint = rouge([text], [text]), rouge([other], [text])
        assert {score.value for score in same.values()} == {100.0}, text
        assert {score.value for score in disjoint.values()} == {0.0}, text
        assert "|tok:words-uax29-regex-" in same["rouge1"].signature or (
            "|tok:characters-uax29-regex-" in same["rouge1"].signature
        )
        assert "|stemmer:no|" in same["rouge1"].signature
    assert rouge(["für Öl"], ["fär Äl"])["rouge1"].value == 0
    # Six characters of which five are the same; two bigrams of five are not.
    near = rouge(["今天天气真好"], ["今天天气很好"])
    assert near["rouge1"].value == pytest.approx(100 * 5 / 6) and near["rouge2"].value == pytest.approx(100 * 3 / 5)
    assert near["rougeL"].value == pytest.approx(100 * 5 / 6)


def test_the_language_decides():
    assert rouge(["die Hunde"], ["die Hund"], language="de")["rouge1"].value == 50
    assert rouge(["the dogs"], ["the dog"], language="eng_Latn")["rouge1"].value == 100
    assert "|tok:rouge-score-" in rouge(["the dogs"], ["the dog"])["rouge1"].signature
    with pytest.raises(UserError, match="Porter's stemmer is for English, and the target language is de"):
        rouge(["die Hunde"], ["die Hund"], language="de", stemmer=True)
    with pytest.raises(UserError, match="written as zh is"):
        rouge(["今天"], ["今天"], language="en")


def english_text(rng):
    pieces = (
        "don't it's 3.14 1,000 U.S.A. e.g. well-known café naïve running runs ran the The a of ' \" “so” it’s _x_ a_b"
    )
    words = [*pieces.split(), "\n", "--", "generously", "ponies", "...", "x", "iPhone"]
    return " ".join(rng.choice(words) for _ in range(rng.randint(0, 12)))


@pytest.mark.parametrize("count", [200, pytest.param(5000, marks=pytest.mark.long)])
def test_english_equals_rouge_score_to_the_last_digit(count):
    rng = random.Random(3)
    pairs = [(english_text(rng), english_text(rng)) for _ in range(count)]
    for stemmer in (True, False):
        scorer = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=stemmer)
        expected = [scorer.score(reference, hypothesis) for hypothesis, reference in pairs]
        found = rouge([h for h, _ in pairs], [r for _, r in pairs], stemmer=stemmer, language="en")
        for name, score in found.items():
            for place, value in enumerate((score.precision, score.recall, score.value)):
                assert value == pytest.approx(100 * sum(each[name][place] for each in expected) / len(pairs), rel=1e-13)
        for hypothesis, reference in pairs[: count // 8]:
            if reference.strip():
                one = rouge([hypothesis], [reference], stemmer=stemmer, language="en")
                exact = scorer.score(reference, hypothesis)
                assert [one[name].value for name in one] == [100 * exact[name].fmeasure for name in one]
