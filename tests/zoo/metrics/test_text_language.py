import pytest

from zoo.errors import UserError
from zoo.metrics.text_language import guess_language, language_from_code, target_language


def test_codes_as_programs_and_data_sets_write_them():
    families = {
        "chinese": "zh zh-CN zh_CN zh_TW zh_Hans zho zho_Hans zho_Hant cmn yue_Hant lzh chi",
        "japanese": "ja ja_XX jpn jpn_Jpan ja-JP",
        "korean": "ko kor_Hang ko_KR",
        "characters": "th tha_Thai th_TH km khm_Khmr lo lao_Laoo my my_MM mya_Mymr bod_Tibt shn_Mymr",
        "blanks": "en en_XX en_US eng_Latn de deu_Latn ger ru rus_Cyrl ar_AR arb_Arab hi_IN vi zh-Latn ja_Latn",
    }
    for family, codes in families.items():
        for code in codes.split():
            assert language_from_code(code).family == family, code
    assert {language_from_code(code).tag for code in ("zh", "zho", "chi")} == {"zh"}
    assert language_from_code("zho_Hant").code == language_from_code("zh-TW").code == "zh"
    for code in ("German", "xx", "", "und", "e", "de-", "zh_CN.UTF-8", "mul"):
        with pytest.raises(UserError, match="there is no language"):
            language_from_code(code)


def test_the_script_of_a_text_decides_where_no_language_is_given():
    for text, tag in {
        "A man rides a horse.": "en",
        "Ein Mann läuft über die Straße.": "und-Latn",
        "Человек едет на лошади.": "und-Cyrl",
        "一个人骑着马，手机是 iPhone 15 Pro。": "zh",
        "一人の男性が馬に乗っている。": "ja",
        "スマートフォン": "ja",
        "한 남자가 말을 탄다. 大韓民國": "ko",
        "ชายคนหนึ่งขี่ม้า (man on a horse)": "th",
        "ຜູ້ຊາຍ": "lo",
        "បុរស": "km",
        "လူတစ်ယောက်": "my",
        "رجل يركب حصانا": "und-Arab",
        "एक आदमी घोड़े की सवारी करता है।": "und-Deva",
        "12:30 !": "und-Zyyy",
    }.items():
        found = guess_language([text])
        assert found.tag == tag and found.guessed, text
        assert target_language(None, [text]) == found
    # A few names do not make a text Chinese, nor a few accents an English one French.
    assert guess_language(["The city of 北京 is the capital of a large country."]).tag == "en"
    assert guess_language(["A café. " + "The rest of it is plain English text. " * 20]).tag == "en"
    assert str(guess_language(["今天"])) == (
        "target language zh (by the letters of the references; --target-language names another)"
    )

    assert str(guess_language(["für Öl"])).startswith("target language unknown, in the script Latn (by the letters of")


def test_a_language_in_whose_script_the_text_is_not_written_is_refused():
    chinese, japanese, thai = ["今天天气很好"], ["今日はとても良い天気です"], ["วันนี้อากาศดี"]
    for code, texts, found in (
        ("en", chinese, "zh"),
        ("zh", japanese, "ja"),
        ("ja", thai, "th"),
        ("ko", chinese, "zh"),
    ):
        with pytest.raises(UserError, match=f"written as {found} is.*give --target-language {found}, or leave it out"):
            target_language(code, texts)
    assert target_language("ja", chinese).family == "japanese"
    assert target_language("zh", ["pinyin without characters"]).family == "chinese"
    assert target_language("th", chinese).family == "characters"
    assert target_language("sr", ["Čovek jaše konja."]).family == "blanks"
