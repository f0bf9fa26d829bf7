"""The carrier sentences of the sample corpus: each method of `Sentences` writes one kind, in English and in German."""

from zoo.data.datasets.sample_expressions import Expressions, figures
from zoo.data.datasets.sample_vocabulary import (
    BUILDINGS,
    BURDENS,
    CITIES,
    DURATIONS,
    EVENTS,
    FURNISHINGS,
    GOODS,
    GROCERIES,
    GROUPS,
    LIQUIDS,
    MARKETS,
    PEOPLE,
    PLACES,
    ROUTES,
    TEXT_PARTS,
    VEHICLES,
    Pair,
)

_COMPOUND_SHARE = 0.08


class Sentences:
    """Draws sentence pairs from a `random.Random`.

    The methods return both sentences without capital and full stop, so that two of them can be joined.
    """

    def __init__(self, generator):
        self.generator = generator
        self.expressions = Expressions(generator)
        self._kinds = [
            *(
                self._event_day,
                self._event_day_and_time,
                self._event_begins,
                self._event_in_city,
                self._event_postponed,
            ),
            *(
                self._no_event,
                self._event_lasts,
                self._departure,
                self._arrival,
                self._distance,
                self._cost,
                self._paid,
            ),
            *(
                self._reduced,
                self._weight,
                self._length,
                self._temperature,
                self._shopping,
                self._this_is,
                self._misread,
            ),
            *(self._mistake, self._floor, self._rank, self._century, self._celebration, self._inventory, self._waiting),
            *(self._invitation, self._travels_with, self._sum, self._lives, self._came_back, self._will_travel),
            *(self._built, self._born, self._percentage, self._room, self._opening_hours),
        ]

    def draw(self) -> Pair:
        """One sentence pair with capitals and full stops: mostly a single statement, now and then a question or two."""
        chance = self.generator.random()
        if chance < _COMPOUND_SHARE:
            first, second = (kind() for kind in self.generator.sample(self._kinds, 2))
            english_and, german_and = self.generator.choice(((", and", " und"), (", but", ", aber")))
            english, german = f"{first[0]}{english_and} {second[0]}", f"{first[1]}{german_and} {second[1]}"
        elif chance < 2 * _COMPOUND_SHARE:
            english, german = self._question()
            return _capital(english) + "?", _capital(german) + "?"
        else:
            english, german = self._choose(self._kinds)()
        return _capital(english) + ".", _capital(german) + "."

    def _choose(self, options):
        return self.generator.choice(options)

    def _event_day(self):
        (event, ereignis), date = self._choose(EVENTS).the(), self.expressions.date()
        verb, verb_german = self._choose((("is", "ist"), ("was", "war")))
        return f"{event} {verb} {date.on}", f"{ereignis} {verb_german} {date.am}"

    def _event_day_and_time(self):
        (event, ereignis), date = self._choose(EVENTS).the(), self.expressions.date()
        time, zeit = self.expressions.time()
        if date.on.startswith("in "):
            return f"{event} begins {time}", f"{ereignis} beginnt {zeit}"
        return f"{event} is {date.on} {time}", f"{ereignis} ist {date.am}{date.comma} {zeit}"

    def _event_begins(self):
        (event, ereignis), (time, zeit) = self._choose(EVENTS).the(), self.expressions.time()
        verb, verb_german = self._choose((("begins", "beginnt"), ("ends", "endet")))
        return f"{event} {verb} {time}", f"{ereignis} {verb_german} {zeit}"

    def _event_in_city(self):
        (event, ereignis), date = self._choose(EVENTS).the(), self.expressions.date()
        city, stadt = self._choose(CITIES)
        return (
            f"{event} takes place in {city} {date.on}",
            f"{ereignis} findet {date.am}{date.comma} in {stadt} statt",
        )

    def _event_postponed(self):
        (event, ereignis), date = self._choose(EVENTS).the(), self.expressions.date()
        return f"{event} was postponed to {date.to}", f"{ereignis} wurde {date.auf}{date.comma} verschoben"

    def _no_event(self):
        event, date = self._choose(EVENTS), self.expressions.date()
        return f"there is no {event.english} {date.on}", f"{date.am}{date.comma} gibt es {event.no_accusative()}"

    def _event_lasts(self):
        event, ereignis = self._choose(EVENTS).the()
        kind = self._choose(("half", "hours", "minutes"))
        verb, verb_german = self._choose((("lasts", "dauert"), ("lasted", "dauerte")))
        if kind == "half":
            number, zahl = self.expressions.words(self.generator.randint(2, 9))
            length, dauer = f"{number} and a half hours", f"{zahl}einhalb Stunden"
        elif kind == "hours":
            number = self._choose((self.expressions.words, figures))
            (hours, stunden), (minutes, minuten) = (
                number(self.generator.randint(*bounds)) for bounds in ((2, 9), (10, 59))
            )
            length, dauer = f"{hours} hours and {minutes} minutes", f"{stunden} Stunden und {minuten} Minuten"
        else:
            number, zahl = self.expressions.count(5, 90)
            length, dauer = f"{number} minutes", f"{zahl} Minuten"
        return f"{event} {verb} {length}", f"{ereignis} {verb_german} {dauer}"

    def _departure(self):
        (vehicle, fahrzeug), (time, zeit) = self._choose(VEHICLES).the(), self.expressions.time()
        (start, von), (end, nach) = self.generator.sample(CITIES, 2)
        return f"{vehicle} from {start} to {end} leaves {time}", f"{fahrzeug} von {von} nach {nach} fährt {zeit} ab"

    def _arrival(self):
        (city, stadt), (time, zeit) = self._choose(CITIES), self.expressions.time()
        platform = self.generator.randint(2, 24)
        return (
            f"the train arrives in {city} on platform {platform} {time}",
            f"der Zug kommt {zeit} auf Gleis {platform} in {stadt} an",
        )

    def _distance(self):
        (start, von), (end, nach) = self.generator.sample(CITIES, 2)
        distance, entfernung = self.expressions.count(110, 1500)
        return (
            f"it is {distance} kilometres from {start} to {end}",
            f"von {von} nach {nach} sind es {entfernung} Kilometer",
        )

    def _cost(self):
        (item, ware), (price, preis) = self._choose(GOODS).the(), self.expressions.price()
        verb, verb_german = self._choose((("costs", "kostet"), ("used to cost", "kostete früher")))
        return f"{item} {verb} {price}", f"{ware} {verb_german} {preis}"

    def _paid(self):
        person, (item, ware) = self._choose(PEOPLE), self._choose(GOODS).the("accusative")
        price, preis = self.expressions.price()
        return f"{person.english} paid {price} for {item}", f"{person.german} hat {preis} für {ware} bezahlt"

    def _reduced(self):
        (item, ware), (number, zahl) = self._choose(GOODS).the(), self.expressions.count(5, 70)
        return f"{item} was reduced by {number} per cent", f"{ware} wurde um {zahl} Prozent herabgesetzt"

    def _weight(self):
        (item, last), (weight, gewicht) = (
            self._choose(BURDENS).the(),
            self.expressions.measure(self._choose(("mass-kilogram", "mass-kilogram", "mass-gram")), 2, 95),
        )
        return f"{item} weighs {weight}", f"{last} wiegt {gewicht}"

    def _length(self):
        (route, strecke), (length, länge) = (
            self._choose(ROUTES).the(),
            self.expressions.measure(self._choose(("length-kilometer", "length-meter")), 2, 99),
        )
        return f"{route} is {length} long", f"{strecke} ist {länge} lang"

    def _temperature(self):
        (city, stadt), date = self._choose(CITIES), self.expressions.date()
        degrees, grad = self.expressions.count(2, 38)
        if date.on.startswith("in "):
            return f"in {city} it is {degrees} degrees", f"in {stadt} sind es {grad} Grad"
        return f"in {city} it was {degrees} degrees {date.on}", f"in {stadt} waren es {date.am}{date.comma} {grad} Grad"

    def _shopping(self):
        (liquid, flüssigkeit), (grocery, lebensmittel) = self._choose(LIQUIDS), self._choose(GROCERIES)
        person = self._choose(PEOPLE)
        if self.generator.random() < 0.5:
            amount, menge = self.expressions.measure("volume-liter", 2, 12)
            goods, waren = f"{amount} of {liquid}", f"{menge} {flüssigkeit}"
        else:
            amount, menge = self.expressions.measure("mass-kilogram", 2, 20)
            goods, waren = f"{amount} of {grocery}", f"{menge} {lebensmittel}"
        if self.generator.random() < 0.5:
            return f"please buy {goods}", f"bitte kaufen Sie {waren}"
        return f"{person.english} bought {goods}", f"{person.german} hat {waren} gekauft"

    def _this_is(self):
        part, (ordinal, ordnungszahl) = self._choose(TEXT_PARTS), self.expressions.ordinal(1, 40)
        adverb, adverb_german = self._choose((("", ""), ("already ", "schon "), ("only ", "erst ")))
        return (
            f"this is {adverb}the {ordinal} {part.english}",
            f"das ist {adverb_german}{part.article('nominative')} {ordnungszahl} {part.german}",
        )

    def _misread(self):
        part, person = self._choose(TEXT_PARTS), self._choose(PEOPLE)
        ordinal, ordnungszahl = self.expressions.ordinal(1, 40, "n" if part.gender == "m" else "")
        english, german = self._choose((("understood", "verstanden"), ("read", "gelesen"), ("wrote", "geschrieben")))
        return (
            f"{person.english} {english} the {ordinal} {part.english}",
            f"{person.german} hat {part.article('accusative')} {ordnungszahl} {part.german} {german}",
        )

    def _mistake(self):
        part, (ordinal, ordnungszahl) = self._choose(TEXT_PARTS), self.expressions.ordinal(1, 40, "n")
        subject, german = self._choose(_FOUND_IN_TEXT)
        return (
            f"the {subject} is in the {ordinal} {part.english}",
            f"{german} {_in_the(part)} {ordnungszahl} {part.german}",
        )

    def _floor(self):
        person, (ordinal, ordnungszahl) = self._choose(PEOPLE), self.expressions.ordinal(1, 30, "n")
        verb, verb_german = self._choose((("lives", "wohnt"), ("works", "arbeitet")))
        return (
            f"{person.english} {verb} on the {ordinal} floor",
            f"{person.german} {verb_german} im {ordnungszahl} Stock",
        )

    def _rank(self):
        person, (ordinal, ordnungszahl) = self._choose(PEOPLE), self.expressions.ordinal(1, 99, "n")
        return f"{person.english} finished in {ordinal} place", f"{person.german} belegte den {ordnungszahl} Platz"

    def _century(self):
        (building, gebäude), (ordinal, ordnungszahl) = (
            self._choose(BUILDINGS).the(),
            self.expressions.ordinal(9, 20, "n"),
        )
        city, stadt = self._choose(CITIES)
        return (
            f"{building} in {city} dates from the {ordinal} century",
            f"{gebäude} in {stadt} stammt aus dem {ordnungszahl} Jahrhundert",
        )

    def _celebration(self):
        person, date = self._choose(PEOPLE), self.expressions.date()
        ordinal, ordnungszahl = self.expressions.ordinal(2, 99, "n")
        if date.on.startswith("in "):
            return (
                f"{person.english} is celebrating {person.his} {ordinal} birthday",
                f"{person.german} feiert {person.seinen} {ordnungszahl} Geburtstag",
            )
        return (
            f"{person.english} is celebrating {person.his} {ordinal} birthday {date.on}",
            f"{person.german} feiert {date.am}{date.comma} {person.seinen} {ordnungszahl} Geburtstag",
        )

    def _inventory(self):
        (place, ort), things = self._choose(PLACES), self._choose(FURNISHINGS)
        number, zahl = self.expressions.count(2, self._choose((99, 99, 2500)))
        return f"there are {number} {things.english} in the {place}", f"{ort} gibt es {zahl} {things.german}"

    def _waiting(self):
        (place, ort), group = self._choose(PLACES), self._choose(GROUPS)
        number, zahl = self.expressions.count(2, self._choose((99, 99, 999)))
        verb, verb_german = self._choose(
            (("are waiting", "warten"), ("are sitting", "sitzen"), ("are working", "arbeiten"))
        )
        return f"{number} {group.english} {verb} in the {place}", f"{zahl} {group.german} {verb_german} {ort}"

    def _invitation(self):
        person, group, (number, zahl) = self._choose(PEOPLE), self._choose(GROUPS), self.expressions.count()
        return (
            f"{person.english} invited {number} {group.english}",
            f"{person.german} hat {zahl} {group.german} eingeladen",
        )

    def _travels_with(self):
        person, group, (city, stadt) = self._choose(PEOPLE), self._choose(GROUPS), self._choose(CITIES)
        number, zahl = self.expressions.count(2, 40)
        return (
            f"{person.english} is travelling to {city} with {number} {group.english}",
            f"{person.german} fährt mit {zahl} {group.german_dative} nach {stadt}",
        )

    def _sum(self):
        first, second = self.generator.randint(2, 60), self.generator.randint(2, 39)
        if self.generator.random() < 0.5:
            numbers, sign = (first, second, first + second), "plus"
        else:
            numbers, sign = (first + second, second, first), "minus"
        spell = self.expressions.words
        (a, a_german), (b, b_german), (c, c_german) = (spell(number) for number in numbers)
        return f"{a} {sign} {b} is {c}", f"{a_german} {sign} {b_german} ist {c_german}"

    def _lives(self):
        person, (city, stadt), (number, zahl) = (
            self._choose(PEOPLE),
            self._choose(CITIES),
            self.expressions.count(2, 50),
        )
        unit = self._choose(DURATIONS[2:])
        return (
            f"{person.english} has lived in {city} for {number} {unit.english}",
            f"{person.german} lebt seit {zahl} {unit.german_dative} in {stadt}",
        )

    def _came_back(self):
        person, (city, stadt), (number, zahl) = (
            self._choose(PEOPLE),
            self._choose(CITIES),
            self.expressions.count(2, 50),
        )
        unit = self._choose(DURATIONS)
        return (
            f"{person.english} came back from {city} {number} {unit.english} ago",
            f"{person.german} ist vor {zahl} {unit.german_dative} aus {stadt} zurückgekommen",
        )

    def _will_travel(self):
        person, (city, stadt), (number, zahl) = (
            self._choose(PEOPLE),
            self._choose(CITIES),
            self.expressions.count(2, 50),
        )
        unit = self._choose(DURATIONS)
        return (
            f"in {number} {unit.english} {person.english} will travel to {city}",
            f"in {zahl} {unit.german_dative} wird {person.german} nach {stadt} fahren",
        )

    def _built(self):
        (building, gebäude), (year, jahr) = self._choose(BUILDINGS).the(), self.expressions.year(1701, 1999)
        verb, verb_german = self._choose((("built", "gebaut"), ("destroyed", "zerstört"), ("sold", "verkauft")))
        return f"{building} was {verb} in {year}", f"{gebäude} wurde im Jahr {jahr} {verb_german}"

    def _born(self):
        person, (day, tag) = self._choose(PEOPLE), self.expressions.birthday()
        return f"{person.english} was born on {day}", f"{person.german} wurde am {tag} geboren"

    def _percentage(self):
        (market, markt), (number, zahl) = self._choose(MARKETS), self.expressions.decimal()
        year = self.generator.randint(1990, 2039)
        verb, verb_german = self._choose((("rose", "gestiegen"), ("fell", "gesunken")))
        return (
            f"in {year} {market} {verb} by {number} per cent",
            f"im Jahr {year} sind die {markt} um {zahl} Prozent {verb_german}",
        )

    def _room(self):
        number, (ordinal, ordnungszahl) = self.generator.randint(2, 499), self.expressions.ordinal(1, 30, "n")
        return f"room {number} is on the {ordinal} floor", f"Zimmer {number} ist im {ordnungszahl} Stock"

    def _opening_hours(self):
        (place, ort), (time, zeit) = self._choose(_OPENING), self.expressions.time()
        verb, verb_german = self._choose((("opens", "öffnet"), ("closes", "schließt")))
        return f"{place} {verb} {time}", f"{ort} {verb_german} {zeit}"

    def _question(self):
        kind = self.generator.randrange(4)
        if kind == 0:
            (event, ereignis), (time, zeit) = self._choose(EVENTS).the(), self.expressions.time()
            verb, verb_german = self._choose((("begin", "beginnt"), ("end", "endet")))
            return f"does {event} {verb} {time}", f"{verb_german} {ereignis} {zeit}"
        if kind == 1:
            (item, ware), (price, preis) = self._choose(GOODS).the(), self.expressions.price()
            return f"does {item} really cost {price}", f"kostet {ware} wirklich {preis}"
        if kind == 2:
            (event, ereignis), date = self._choose(EVENTS).the(), self.expressions.date()
            return f"is {event} {date.on}", f"ist {ereignis} {date.am}"
        person, (city, stadt), (number, zahl) = (
            self._choose(PEOPLE),
            self._choose(CITIES),
            self.expressions.count(2, 50),
        )
        return (
            f"did {person.english} live in {city} for {number} years",
            f"hat {person.german} {zahl} Jahre in {stadt} gelebt",
        )


_FOUND_IN_TEXT = (("mistake", "der Fehler ist"), ("answer", "die Antwort steht"), ("name", "der Name steht"))
_OPENING = (
    ("the library", "die Bibliothek"),
    ("the museum", "das Museum"),
    ("the restaurant", "das Restaurant"),
    ("the school", "die Schule"),
    ("the shop", "das Geschäft"),
    ("the bakery", "die Bäckerei"),
    ("the market", "der Markt"),
)


def _in_the(noun):
    """German "in" with the article in the dative, where "in dem" is said "im"."""
    article = noun.article("dative")
    return "im" if article == "dem" else f"in {article}"


def _capital(text):
    return text[0].upper() + text[1:]
