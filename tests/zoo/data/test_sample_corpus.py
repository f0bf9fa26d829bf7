import datetime
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.data.datasets.sample_corpus import sample_pairs, sample_splits
from zoo.errors import UserError

ROOT = Path(__file__).parents[3]
DAYS = dict(
    zip(
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
        strict=True,
    )
)
MONTHS = dict(
    zip(
        [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        strict=True,
    )
)
MONTH = "|".join(MONTHS)

# A speller of our own, small and separate from num2words: both languages up to 9,999.
EN_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
EN_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
DE_ONES = [
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
DE_TENS = ["-", "-", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]


def english_words(number):
    if number < 20:
        return EN_ONES[number]
    if number < 100:
        return EN_TENS[number // 10] + (f"-{EN_ONES[number % 10]}" if number % 10 else "")
    if number < 1000:
        rest = f" and {english_words(number % 100)}" if number % 100 else ""
        return f"{EN_ONES[number // 100]} hundred{rest}"
    joint = " and " if number % 1000 < 100 else ", "
    return f"{EN_ONES[number // 1000]} thousand" + (joint + english_words(number % 1000) if number % 1000 else "")


def german_words(number):
    if number < 20:
        return DE_ONES[number]
    if number < 100:
        return (f"{DE_ONES[number % 10]}und" if number % 10 else "") + DE_TENS[number // 10]
    if number < 1000:
        return f"{DE_ONES[number // 100]}hundert" + (german_words(number % 100) if number % 100 else "")
    return f"{DE_ONES[number // 1000]}tausend" + (german_words(number % 1000) if number % 1000 else "")


def german_ordinal(number, ending):
    irregular = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
    stem = irregular.get(number) or german_words(number) + ("t" if number < 20 else "st")
    return stem + "e" + ending


def english_ordinal(number):
    tens, ones = divmod(number, 10)
    if number >= 20:
        return EN_TENS[tens].removesuffix("y") + "ieth" if not ones else f"{EN_TENS[tens]}-{english_ordinal(ones)}"
    irregular = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
    return irregular.get(number) or EN_ONES[number] + "th"


ORDINALS = {english_ordinal(number): number for number in range(1, 100)}
ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))


@pytest.fixture(scope="module")
def pairs():
    return sample_pairs(6000, seed=3)


def matching(pairs, english, german):
    """Match objects of the pairs whose English sentence matches; the German must match too."""
    found = []
    for source, target in pairs:
        match = re.fullmatch(english, source)
        if match:
            translation = re.fullmatch(german, target)
            assert translation, (source, target)
            found.append((match, translation))
    assert len(found) > 15, "too few sentences of this kind to say anything"
    return found


def test_pairs_are_distinct_and_tidy(pairs):
    for side in zip(*pairs, strict=True):
        assert len(set(side)) == len(side)
        for text in side:
            assert re.fullmatch(r"[A-ZÄÖÜ0-9].*[^ .][.?]", text), text
            assert "  " not in text and text.isprintable() and "\u00a0" not in text and "\u202f" not in text, text
    assert all((source[-1] == "?") == (target[-1] == "?") for source, target in pairs)


def test_same_seed_same_pairs_in_any_process():
    script = (
        "import hashlib; from zoo.data.datasets.sample_corpus import sample_pairs\n"
        "print(hashlib.sha256(repr(sample_pairs(400, 5)).encode()).hexdigest())"
    )
    expected = hashlib.sha256(repr(sample_pairs(400, 5)).encode()).hexdigest()
    # String hashing differs between the two processes, and so do their time zones.
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    assert answer.stdout.strip() == expected


def test_prefix_and_seed():
    assert sample_pairs(50, 1) == sample_pairs(200, 1)[:50]
    assert sample_pairs(50, 1) != sample_pairs(50, 2)
    assert sample_pairs(0) == []


def test_splits_share_no_sentence():
    splits = sample_splits(train=3000, validation=200, test=300, seed=4)
    assert [len(part) for part in splits] == [3000, 200, 300]
    for side in (0, 1):
        sentences = [pair[side] for part in splits for pair in part]
        assert len(set(sentences)) == 3500
    smaller = sample_splits(train=10, validation=200, test=300, seed=4)
    assert (smaller.validation, smaller.test) == (splits.validation, splits.test)


def test_figures_agree(pairs):
    checked = 0
    for source, target in pairs:
        if re.search(r"\d (am|pm)|\d\d/\d\d/|\d:\d", source):
            continue
        english = sorted(re.findall(r"\d[\d.,]*\d|\d", source))
        german = sorted(re.findall(r"\d[\d.,]*\d|\d", target))
        assert english == sorted(figure.translate(str.maketrans(".,", ",.")) for figure in german), (source, target)
        checked += bool(english)
    assert checked > 1000


def test_clock_in_figures(pairs):
    english = r".* at (\d{1,2}):(\d\d)( [ap]m)?[.?]"
    for time, zeit in matching(pairs, english, r".*\bum (\d\d):(\d\d) Uhr\b[^,]*[.?]"):
        hour = int(time[1])
        if time[3]:
            assert 1 <= hour <= 12
            hour = hour % 12 + (12 if time[3] == " pm" else 0)
        assert (hour, time[2]) == (int(zeit[1]), zeit[2]), time[0]


def test_spoken_clock(pairs):
    def minutes_english(text):
        some, direction, hour = re.fullmatch(r"(\S+) (past|to) (\S+)", text).groups()
        amount = {"half": 30, "quarter": 15}.get(some) or [english_words(n) for n in range(30)].index(some)
        return (EN_ONES.index(hour) * 60 + (amount if direction == "past" else -amount)) % 720

    def minutes_german(text):
        match = re.fullmatch(r"(?:(\S+) (nach|vor) )?(halb )?(\S+)", text)
        hour = {"eins": 1}.get(match[4]) or DE_ONES.index(match[4])
        amount = 0
        if match[1]:
            amount = 15 if match[1] == "Viertel" else [german_words(n) for n in range(30)].index(match[1])
        return (hour * 60 - 30 * bool(match[3]) + (amount if match[2] == "nach" else -amount)) % 720

    english = r".*\b(?:opens|closes|begins|ends) at ((?:\S+) (?:past|to) (?:[a-z]+))\."
    for time, zeit in matching(pairs, english, r".* (?:öffnet|schließt|beginnt|endet) um (.*)\."):
        assert minutes_english(time[1]) == minutes_german(zeit[1]), time[0]


def test_parts_of_the_day(pairs):
    words = {"morgens": ("morning", range(6, 11)), "nachts": ("morning", range(1, 4))}
    words |= {"nachmittags": ("afternoon", range(2, 6)), "abends": ("evening", range(7, 11))}
    english = r".* at (?:half past )?(\w+)(?: o'clock)? in the (morning|afternoon|evening)[.?]"
    for time, zeit in matching(pairs, english, r".*\b(morgens|nachts|nachmittags|abends)\b.*"):
        part, hours = words[zeit[1]]
        assert time[2] == part and EN_ONES.index(time[1]) in hours, time[0]


def test_weekdays_and_dates_are_real(pairs):
    english = rf".*(?:on|to) ({'|'.join(DAYS)}), (\d+) ({MONTH}) (\d{{4}})\b.*"
    german = r".*\b(am|Am|auf) (\w+), (dem|den) (\d+)\. (\w+) (\d{4})\b.*"
    for date, datum in matching(pairs, english, german):
        day = datetime.date(int(date[4]), list(MONTHS).index(date[3]) + 1, int(date[2]))
        assert list(DAYS)[day.weekday()] == date[1]
        assert (DAYS[date[1]], date[2], MONTHS[date[3]], date[4]) == (datum[2], datum[4], datum[5], datum[6])
        assert (datum[1], datum[3]) in (("am", "dem"), ("Am", "dem"), ("auf", "den"))


def test_an_apposition_is_closed_by_a_comma(pairs):
    closed = [target for _, target in pairs if re.search(r", (?:dem|den) \d+\. \w+ \d{4}", target)]
    assert len(closed) > 100
    for target in closed:
        assert re.search(r", (?:dem|den) \d+\. \w+ \d{4}(,|[.?]$| und )", target), target


def test_dates_spelled_out(pairs):
    english = rf".*(?:on|to) the ({ORDINAL}) of ({MONTH})[.?]"
    for date, datum in matching(pairs, english, r".*(?:am|Am|auf den) (\w+) ([A-ZÄÖÜ]\w+)\b.*"):
        assert datum[1] == german_ordinal(ORDINALS[date[1]], "n"), date[0]
        assert datum[2] == MONTHS[date[2]]


def test_cardinals_spelled_out(pairs):
    english_to_number = {english_words(number): number for number in range(2, 3000)}
    english = r"There are ([a-z].*) (?:tables|books|windows|lamps|chairs|doors|pictures) in the \w+\."
    for number, zahl in matching(pairs, english, r".* gibt es (\w+) \w+\."):
        value = english_to_number[number[1]]
        german = re.sub("^eintausend", "tausend", zahl[1])  # both forms are right; ours writes "ein" everywhere
        assert german in (german_words(value), german_words(value).removeprefix("ein")), number[0]


def test_sums_are_right(pairs):
    numbers = {english_words(number): number for number in range(100)}
    zahlen = {german_words(number): number for number in range(100)}
    english, german = r"([a-z-]+) (plus|minus) ([a-z-]+) is ([a-z-]+)\.", r"(\w+) (plus|minus) (\w+) ist (\w+)\."
    for total, summe in matching([(s.lower(), t.lower()) for s, t in pairs], english, german):
        values = [numbers[total[index]] for index in (1, 3, 4)]
        assert values == [zahlen[summe[index]] for index in (1, 3, 4)] and total[2] == summe[2]
        assert values[0] + (values[1] if total[2] == "plus" else -values[1]) == values[2], total[0]


GENDERS = {
    "m": ["Brief", "Absatz", "Satz", "Stock", "Platz"],
    "f": ["Frage", "Lektion", "Aufgabe", "Zeile", "Strophe", "Tabelle"],
    "n": ["Kapitel"],
}
GENDER = {noun: gender for gender, nouns in GENDERS.items() for noun in nouns}


def test_ordinals_agree_in_gender_and_case(pairs):
    nominative = {"m": "der", "f": "die", "n": "das"}
    english = rf"This is (?:already |only )?the ({ORDINAL}) (\w+)\."
    for part, teil in matching(pairs, english, r"Das ist (?:schon |erst )?(\w+) (\w+) (\w+)\."):
        assert teil[1] == nominative[GENDER[teil[3]]] and teil[2] == german_ordinal(ORDINALS[part[1]], ""), teil[0]
    accusative = {"m": ("den", "n"), "f": ("die", ""), "n": ("das", "")}
    english = rf".+ (?:understood|read|wrote) the ({ORDINAL}) (\w+)\."
    for part, teil in matching(pairs, english, r".+ hat (\w+) (\w+) (\w+) (?:verstanden|gelesen|geschrieben)\."):
        article, ending = accusative[GENDER[teil[3]]]
        assert (teil[1], teil[2]) == (article, german_ordinal(ORDINALS[part[1]], ending)), teil[0]
    dative = {"m": "im", "f": "in der", "n": "im"}
    english = rf"The (?:mistake|answer|name) is in the ({ORDINAL}) (\w+)\."
    for part, teil in matching(pairs, english, r"D\w+ \w+ (?:ist|steht) (im|in der) (\w+) (\w+)\."):
        assert (teil[1], teil[2]) == (dative[GENDER[teil[3]]], german_ordinal(ORDINALS[part[1]], "n")), teil[0]


def test_possessives_agree_with_the_person(pairs):
    english = r".*\bis celebrating (his|her) .*"
    for birthday, geburtstag in matching(pairs, english, r".*\bfeiert.* (seinen|ihren) (\S+) Geburtstag\b.*"):
        assert {"his": "seinen", "her": "ihren"}[birthday[1]] == geburtstag[1]
    for source, _ in pairs:
        assert not re.search(r"\b(Anna|Maria|Julia|sister|aunt|actress|[Ss]he) is celebrating his", source)
        assert not re.search(r"\b(Paul|Thomas|Max|brother|uncle|gardener|[Hh]e) is celebrating her", source)


def test_no_number_that_german_would_inflect(pairs):
    for _, target in pairs:
        assert not re.search(r"hundertein(s)? [A-Z]|(^|[ (])(1|\d*01) [A-Z]", target), target


@pytest.mark.parametrize("module", ["babel", "babel.dates", "num2words"])
def test_missing_library_names_the_extra(module, monkeypatch):
    for name in list(sys.modules):
        if name.startswith(("zoo.data.datasets.sample_", "babel")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    library = module.partition(".")[0]
    with pytest.raises(UserError, match=rf"needs {library}: run pip install 'keras-transformer-zoo\[sample\]'"):
        sample_pairs(1)


def test_impossible_counts(monkeypatch):
    with pytest.raises(UserError, match="negative"):
        sample_pairs(-1)
    with pytest.raises(UserError, match="validation is -2"):
        sample_splits(validation=-2)
    monkeypatch.setattr("zoo.data.datasets.sample_sentences.Sentences.draw", lambda self: ("Same.", "Gleich."))
    with pytest.raises(UserError, match="no more than about 1 "):
        sample_pairs(2)
