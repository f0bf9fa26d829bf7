"""The words of the sample corpus: English-German nouns with gender, places, people, and the forms that cases need."""

from typing import NamedTuple

Pair = tuple[str, str]

_THE = {
    "nominative": {"m": "der", "f": "die", "n": "das"},
    "accusative": {"m": "den", "f": "die", "n": "das"},
    "dative": {"m": "dem", "f": "der", "n": "dem"},
}
_NO = {"m": "keinen", "f": "keine", "n": "kein"}


class Noun(NamedTuple):
    """A noun whose German singular is the same in all cases used here (no genitive, no weak declension)."""

    english: str
    german: str
    gender: str

    def the(self, case: str = "nominative") -> Pair:
        """English and German with the definite article."""
        return f"the {self.english}", f"{_THE[case][self.gender]} {self.german}"

    def no_accusative(self) -> str:
        """German with "kein" in the accusative."""
        return f"{_NO[self.gender]} {self.german}"

    def article(self, case: str) -> str:
        """The German definite article."""
        return _THE[case][self.gender]


class Person(NamedTuple):
    """A subject of the third person; `his` is the possessive, `seinen` in German (masculine accusative)."""

    english: str
    german: str
    his: str
    seinen: str


class Plural(NamedTuple):
    """A noun in the plural: English, German nominative and accusative, German dative."""

    english: str
    german: str
    german_dative: str


def _nouns(text):
    return [Noun(*entry.strip().split("/")) for entry in text.split(",")]


def _pairs(text):
    return [tuple((entry.strip().split("/") * 2)[:2]) for entry in text.split(",")]


EVENTS = _nouns(
    "meeting/Besprechung/f, conference/Konferenz/f, concert/Konzert/n, exam/Prüfung/f, wedding/Hochzeit/f,"
    "course/Kurs/m, lecture/Vorlesung/f, job interview/Vorstellungsgespräch/n, party/Feier/f, match/Spiel/n,"
    "excursion/Ausflug/m, exhibition/Ausstellung/f, rehearsal/Probe/f, film/Film/m, trial/Prozess/m,"
    "guided tour/Führung/f"
)
GOODS = _nouns(
    "book/Buch/n, coat/Mantel/m, lamp/Lampe/f, table/Tisch/m, bicycle/Fahrrad/n, jacket/Jacke/f, watch/Uhr/f,"
    "carpet/Teppich/m, camera/Kamera/f, chair/Stuhl/m, shirt/Hemd/n, mirror/Spiegel/m, bed/Bett/n, painting/Gemälde/n"
)
BURDENS = _nouns(
    "parcel/Paket/n, suitcase/Koffer/m, dog/Hund/m, crate/Kiste/f, stone/Stein/m, machine/Maschine/f, bag/Tasche/f,"
    "cat/Katze/f, piano/Klavier/n"
)
ROUTES = _nouns(
    "road/Straße/f, river/Fluss/m, tunnel/Tunnel/m, bridge/Brücke/f, wall/Mauer/f, path/Weg/m, canal/Kanal/m,"
    "fence/Zaun/m"
)
BUILDINGS = _nouns(
    "tower/Turm/m, church/Kirche/f, castle/Schloss/n, bridge/Brücke/f, town hall/Rathaus/n, theatre/Theater/n,"
    "palace/Palast/m, mill/Mühle/f"
)
TEXT_PARTS = _nouns(
    "chapter/Kapitel/n, question/Frage/f, lesson/Lektion/f, letter/Brief/m, exercise/Aufgabe/f, line/Zeile/f,"
    "paragraph/Absatz/m, verse/Strophe/f, sentence/Satz/m, table/Tabelle/f"
)
VEHICLES = _nouns("train/Zug/m, bus/Bus/m")
PEOPLE = [
    Person(english, german, *(("her", "ihren") if gender == "f" else ("his", "seinen")))
    for english, german, gender in (
        ("Anna", "Anna", "f"),
        ("Paul", "Paul", "m"),
        ("Maria", "Maria", "f"),
        ("Thomas", "Thomas", "m"),
        ("Julia", "Julia", "f"),
        ("Max", "Max", "m"),
        ("my sister", "meine Schwester", "f"),
        ("my brother", "mein Bruder", "m"),
        ("our uncle", "unser Onkel", "m"),
        ("our aunt", "unsere Tante", "f"),
        ("the actress", "die Schauspielerin", "f"),
        ("the gardener", "der Gärtner", "m"),
        ("she", "sie", "f"),
        ("he", "er", "m"),
    )
]
GROUPS = [
    Plural("guests", "Gäste", "Gästen"),
    Plural("children", "Kinder", "Kindern"),
    Plural("students", "Studenten", "Studenten"),
    Plural("women", "Frauen", "Frauen"),
    Plural("men", "Männer", "Männern"),
    Plural("friends", "Freunde", "Freunden"),
]
FURNISHINGS = [
    Plural("tables", "Tische", "Tischen"),
    Plural("books", "Bücher", "Büchern"),
    Plural("windows", "Fenster", "Fenstern"),
    Plural("lamps", "Lampen", "Lampen"),
    Plural("chairs", "Stühle", "Stühlen"),
    Plural("doors", "Türen", "Türen"),
    Plural("pictures", "Bilder", "Bildern"),
]
CITIES = _pairs(
    "Berlin, Hamburg, Vienna/Wien, Munich/München, Cologne/Köln, Zurich/Zürich, Paris, Rome/Rom, London, Prague/Prag,"
    "Geneva/Genf, Brussels/Brüssel"
)
PLACES = _pairs(
    "hall/im Saal, library/in der Bibliothek, museum/im Museum, school/in der Schule, hotel/im Hotel,"
    "factory/in der Fabrik, restaurant/im Restaurant, church/in der Kirche"
)
LIQUIDS = _pairs("milk/Milch, water/Wasser, orange juice/Orangensaft, olive oil/Olivenöl")
GROCERIES = _pairs("flour/Mehl, sugar/Zucker, rice/Reis, potatoes/Kartoffeln, apples/Äpfel, cheese/Käse")
MARKETS = _pairs("prices/Preise, rents/Mieten, wages/Löhne, exports/Exporte")
DURATIONS = [
    Plural("minutes", "Minuten", "Minuten"),
    Plural("hours", "Stunden", "Stunden"),
    Plural("days", "Tage", "Tagen"),
    Plural("weeks", "Wochen", "Wochen"),
    Plural("months", "Monate", "Monaten"),
    Plural("years", "Jahre", "Jahren"),
]
# Two spellings of money in words: whole units and hundredths. The German ones have no plural ending after a number.
CURRENCIES = {
    "EUR": ("euros", "cents", "Euro", "Cent"),
    "USD": ("dollars", "cents", "Dollar", "Cent"),
    "GBP": ("pounds", "pence", "Pfund", "Pence"),
}
