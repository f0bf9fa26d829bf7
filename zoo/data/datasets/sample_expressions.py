"""Dates, times, numbers, prices and units in English and German, in figures and in words, for the sample corpus."""

import datetime
from decimal import Decimal
from typing import NamedTuple

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit
from num2words import num2words

from zoo.data.datasets.sample_vocabulary import CURRENCIES, Pair

ENGLISH, GERMAN = "en_GB", "de_DE"


class DatePhrase(NamedTuple):
    """A day or month inside a sentence.

    Attributes:
        on: English with its preposition, "on 4 March".
        to: English after "to", "4 March".
        am: German dative with its preposition, "am 4. März".
        auf: German accusative after "auf", "auf den 4. März".
        comma: "," if the German ends in an apposition that the following words must be set off from.
    """

    on: str
    to: str
    am: str
    auf: str
    comma: str


class Expressions:
    """Draws expressions as (English, German) pairs from a `random.Random`."""

    def __init__(self, generator):
        self.generator = generator
        self._words = {}

    def count(self, low: int = 2, high: int = 99) -> Pair:
        """A number of things, in words or in figures; never 1 and never one that German inflects, such as 101."""
        value = self.generator.randint(low, high)
        if value > 100 and value % 100 == 1:
            value += 1
        return self.number(value)

    def number(self, value: int) -> Pair:
        """A whole number, in words or in figures."""
        return self.words(value) if self.generator.random() < 0.5 else figures(value)

    def words(self, value) -> Pair:
        """A number spelled out."""
        return self._spell(value, "cardinal")

    def year(self, low: int, high: int) -> Pair:
        """A year, now and then spelled out."""
        value = self.generator.randint(low, high)
        return self._spell(value, "year") if self.generator.random() < 0.25 else (str(value), str(value))

    def ordinal(self, low: int, high: int, ending: str = "") -> Pair:
        """An ordinal before a noun; `ending` is what German adds to "dritte": "", "n" or "r"."""
        value = self.generator.randint(low, high)
        if self.generator.random() < 0.25:
            return num2words(value, to="ordinal_num", lang="en"), f"{value}."
        english, german = self._spell(value, "ordinal")
        return english, german + ending

    def decimal(self) -> Pair:
        """A number with one decimal, in words or in figures."""
        value = Decimal(self.generator.randint(11, 99)) / 10
        if value % 1 == 0:
            value += Decimal("0.5")
        return self.words(value) if self.generator.random() < 0.5 else figures(value)

    def date(self) -> DatePhrase:
        """A day in one of six spellings, or a month."""
        day = datetime.date(1990, 1, 1) + datetime.timedelta(days=self.generator.randrange(50 * 365))
        kind = self.generator.randrange(7)
        if kind == 0:
            english = format_date(day, "EEEE", locale=ENGLISH)
            german = format_date(day, "EEEE", locale=GERMAN)
            return DatePhrase(f"on {english}", english, f"am {german}", f"auf {german}", "")
        if kind == 1:
            english = format_date(day, "MMMM y", locale=ENGLISH)
            german = format_date(day, "MMMM y", locale=GERMAN)
            return DatePhrase(f"in {english}", english, f"im {german}", f"auf {german}", "")
        if kind == 2:
            return _definite(format_date(day, "dd/MM/y", locale=ENGLISH), format_date(day, "dd.MM.y", locale=GERMAN))
        if kind == 3:
            english, german = self._spell(day.day, "ordinal")
            month, monat = (format_date(day, "MMMM", locale=locale) for locale in (ENGLISH, GERMAN))
            return _definite(f"the {english} of {month}", f"{german}n {monat}")
        if kind == 4:
            return _definite(format_date(day, "d MMMM", locale=ENGLISH), format_date(day, "d. MMMM", locale=GERMAN))
        if kind == 5:
            return _definite(*calendar_day(day))
        weekday = format_date(day, "EEEE", locale=GERMAN)
        english, german = calendar_day(day)
        english = f"{format_date(day, 'EEEE', locale=ENGLISH)}, {english}"
        return DatePhrase(f"on {english}", english, f"am {weekday}, dem {german}", f"auf {weekday}, den {german}", ",")

    def birthday(self) -> Pair:
        """A day of the years 1930 to 2009, with the year."""
        day = datetime.date(1930, 1, 1) + datetime.timedelta(days=self.generator.randrange(80 * 365))
        return calendar_day(day)

    def time(self) -> Pair:
        """A time of day with its preposition: spoken, with a part of the day, on the 12-hour or the 24-hour clock."""
        kind = self.generator.randrange(4)
        if kind == 0:
            return self._spoken_time()
        if kind == 1:
            hour, (english_part, german_part) = self.generator.choice(_DAY_PARTS)
            minute = self.generator.choice((0, 30))
            english, german = self._clock(hour, minute)
            return f"at {english} {english_part}", f"um {german} {german_part}"
        time = datetime.time(self.generator.randrange(1, 24), self.generator.randrange(0, 60, 5))
        pattern = "h:mm a" if kind == 2 else "HH:mm"
        english = _plain(format_time(time, pattern, locale=ENGLISH))
        return f"at {english}", f"um {format_time(time, 'HH:mm', locale=GERMAN)} Uhr"

    def price(self) -> Pair:
        """A price of at least two units, in words or in figures, German in the accusative."""
        currency = self.generator.choice(sorted(CURRENCIES))
        units = self.generator.choice((self.generator.randint(2, 99), self.generator.randrange(110, 1000, 10)))
        hundredths = self.generator.choice((0, 0, self.generator.randrange(10, 100, 5)))
        if self.generator.random() < 0.5:
            amount = Decimal(units) + Decimal(hundredths) / 100
            # British English would write US$ for dollars.
            english, german = (format_currency(amount, currency, locale=locale) for locale in ("en_US", GERMAN))
            return _plain(english), _plain(german)
        names = CURRENCIES[currency]
        english, german = self.words(units)
        english, german = f"{english} {names[0]}", f"{german} {names[2]}"
        if hundredths:
            more, mehr = self.words(hundredths)
            english, german = f"{english} and {more} {names[1]}", f"{german} und {mehr} {names[3]}"
        return english, german

    def measure(self, unit: str, low: int, high: int) -> Pair:
        """An amount of a CLDR unit such as "mass-kilogram", the number in words or in figures."""
        whole = self.generator.random() < 0.7
        value = self.generator.randint(low, high) if whole else Decimal(self.generator.randint(15, 95)) / 10
        # In words, the number replaces the figures in front of the unit's plural.
        english, german = (_plain(format_unit(value, unit, locale=locale)) for locale in (ENGLISH, GERMAN))
        if self.generator.random() < 0.5:
            (en_figures, de_figures), (en_words, de_words) = figures(value), self.words(value)
            english = english.replace(en_figures, en_words, 1)
            german = german.replace(de_figures, de_words, 1)
        return english, german

    def _spoken_time(self):
        english, german = self._clock(self.generator.randint(1, 12), self.generator.randrange(0, 60, 5))
        return f"at {english}", f"um {german}"

    def _clock(self, hour, minute):
        """The clock as it is said: German counts from the half hour between twenty-five past and twenty-five to."""
        next_hour = hour % 12 + 1
        (this, diese), (following, folgende) = self.words(hour), self.words(next_hour)
        if minute == 0:
            return f"{this} o'clock", "ein Uhr" if hour == 1 else f"{diese} Uhr"
        if minute == 30:
            return f"half past {this}", f"halb {folgende}"
        if minute == 25:
            return f"twenty-five past {this}", f"fünf vor halb {folgende}"
        if minute == 35:
            return f"twenty-five to {following}", f"fünf nach halb {folgende}"
        if minute < 30:
            some, einige = ("quarter", "Viertel") if minute == 15 else self.words(minute)
            return f"{some} past {this}", f"{einige} nach {diese}"
        some, einige = ("quarter", "Viertel") if minute == 45 else self.words(60 - minute)
        return f"{some} to {following}", f"{einige} vor {folgende}"

    def _spell(self, value, form):
        key = (value, form)
        if key not in self._words:
            self._words[key] = tuple(num2words(value, to=form, lang=language) for language in ("en", "de"))
        return self._words[key]


def figures(value) -> Pair:
    """A number in figures, with each language's separators."""
    return format_decimal(value, locale=ENGLISH), format_decimal(value, locale=GERMAN)


def calendar_day(day: datetime.date) -> Pair:
    """A date without weekday, such as "4 March 2025"."""
    return format_date(day, "d MMMM y", locale=ENGLISH), format_date(day, "d. MMMM y", locale=GERMAN)


_DAY_PARTS = [
    *((hour, ("in the morning", "morgens")) for hour in range(6, 11)),
    *((hour, ("in the afternoon", "nachmittags")) for hour in range(2, 6)),
    *((hour, ("in the evening", "abends")) for hour in range(7, 11)),
    *((hour, ("in the morning", "nachts")) for hour in range(1, 4)),
]


def _definite(english, german):
    return DatePhrase(f"on {english}", english, f"am {german}", f"auf den {german}", "")


def _plain(text):
    """CLDR sets narrow and no-break blanks between figures and units; the corpus uses the ordinary one."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")
