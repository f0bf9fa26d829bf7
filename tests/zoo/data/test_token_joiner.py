import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo.data.readers.token_joiner import TokenJoiner


def joined(*sentences, separator="auto"):
    """Texts of sentences, each a list of tokens or a str of tokens of one character."""
    joiner = TokenJoiner(separator)
    for sentence in sentences:
        joiner.see(list(sentence))
    return [joiner.join(list(sentence))[0] for sentence in sentences]


# What people write, cut into characters or words in the way of the files named.
@pytest.mark.parametrize(
    ("tokens", "texts"),
    [
        # One character a line, blanks left out, as in MSRA and Weibo.
        (["我2008年在北京用iPhone。", "1998-12-31"], ["我2008年在北京用iPhone。", "1998-12-31"]),
        (["我爱ＮＢＡ！", "“好”——他说…"], ["我爱ＮＢＡ！", "“好”——他说…"]),
        # The same with whole Latin words and numbers.
        ([[*"他用", "iPhone", "15", *"打了", "3.5", *"个电话"]], ["他用iPhone 15打了3.5个电话"]),
        # One character a line, blanks kept: Chinese, and Korean as in KLUE.
        (["我用 iPhone XS，", "OK go"], ["我用 iPhone XS，", "OK go"]),
        (["특히 김병현 씨"], ["특히 김병현 씨"]),
        ([[*"他 用", "iPhone", "XS", *"手机"]], ["他 用iPhoneXS手机"]),
        # Words, as in Japanese and Thai corpora.
        (
            [["私", "は", "Apple", "Store", "で", "iPhone", "を", "2", "台", "買った", "。"]],
            ["私はApple StoreでiPhoneを2台買った。"],
        ),
        ([["ฉัน", "รัก", "เมืองไทย", "มาก", "(", "BTS", ")"]], ["ฉันรักเมืองไทยมาก(BTS)"]),
        ([["ผม", "ไป", "ที่", " ", "Tesco", " ", "Lotus"]], ["ผมไปที่ Tesco Lotus"]),
        # Scripts with blanks stay as they are, one foreign word or sentence among them as well.
        ([["He", "went", "to", "東京", "."], ["东", "京", "!"]], ["He went to 東京 .", "东京!"]),
        ([["in", "東", "京", "🎈", "🎈", "é", "."]], ["in 東京 🎈 🎈 é ."]),
        ([["서울", "에", "간다", "."]], ["서울 에 간다 ."]),
        (["ab", "c"], ["a b", "c"]),
        # A Chinese file with an English sentence.
        ([["今天", "很", "热", "。"], ["It", "is", "."]], ["今天很热。", "It is ."]),
    ],
)  # fmt: skip
def test_texts_as_people_write_them(tokens, texts):
    assert joined(*tokens) == texts


def test_separators_that_are_asked_for():
    sentence = ["他", "用", "Windows", "XP"]
    assert joined(sentence, separator="blank") == ["他 用 Windows XP"]
    assert joined(sentence, separator="none") == ["他用WindowsXP"]
    with pytest.raises(ValueError, match="must be one of auto, blank, none"):
        TokenJoiner("tab")


def test_what_is_said():
    def described(*sentences, separator="auto"):
        joiner = TokenJoiner(separator)
        for sentence in sentences:
            joiner.see(sentence)
        return joiner.description

    assert described(["He", "went"]) == ""
    assert described(["东", "京"]) == "tokens joined without blanks, as its script wants"
    assert described([*"东 京"]) == "tokens joined without blanks, as blanks are tokens"
    assert (
        described(["It", "is", "in"], ["东", "京"]) == "tokens of 1 sentence joined without blanks, as its script wants"
    )
    assert described(["He"], separator="none") == "tokens joined without blanks"


token = st.text(st.sampled_from("aZ9.é\u0301我京は、Ａกา김🎈 \u3000-"), min_size=1, max_size=3)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(token, min_size=1, max_size=8), min_size=1, max_size=4))
@example([["\u0301", "a"]])
def test_spans_are_where_the_tokens_are(sentences):
    joiner = TokenJoiner()
    for sentence in sentences:
        joiner.see(sentence)
    for sentence in sentences:
        text, spans = joiner.join(sentence)
        assert [text[start:end] for start, end in spans] == sentence
        ends = [0, *(end for _, end in spans)]
        gaps = [text[end:start] for end, (start, _) in zip(ends, spans, strict=False)]
        assert set(gaps) <= {"", " "}
        assert gaps[0] == "" and ends[-1] == len(text)
