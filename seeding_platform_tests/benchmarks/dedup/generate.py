"""Made posts whose duplicates are known.

Kinds of a row: `original`; `exact`, `normalised`, `near`, `paraphrase` say how it was made from its cluster's original; `hard` is an entity of
its own that tells another fact (one number, price, date, place, product, person, negation, or two names swapped); `degenerate` says nothing.
"""

from __future__ import annotations

import random
import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
PEOPLE = [
    "Anna",
    "Bram",
    "Chloe",
    "Daan",
    "Emma",
    "Finn",
    "Grace",
    "Hugo",
    "Iris",
    "Jack",
    "Kim",
    "Lars",
    "Maria",
    "Noah",
    "Olga",
    "Peter",
    "Quinn",
    "Rosa",
    "Sem",
    "Tess",
    "Umar",
    "Vera",
    "Wim",
    "Xavi",
    "Yara",
    "Zoe",
]
FAMILIES = [
    "Bakker",
    "Clark",
    "de Boer",
    "Evans",
    "Fischer",
    "Garcia",
    "Hughes",
    "Jansen",
    "Klein",
    "Lopez",
    "Meyer",
    "Novak",
    "Owen",
    "Peters",
    "Quist",
    "Smit",
    "Visser",
    "Young",
]
CITIES = [
    "Amsterdam",
    "Rotterdam",
    "Utrecht",
    "Eindhoven",
    "Groningen",
    "Tilburg",
    "Breda",
    "Arnhem",
    "Leiden",
    "Delft",
    "Ghent",
    "Antwerp",
    "Brussels",
    "London",
    "Leeds",
    "Bristol",
    "Cardiff",
    "Dublin",
    "Berlin",
    "Hamburg",
    "Cologne",
    "Paris",
    "Lyon",
    "Lille",
    "Madrid",
    "Lisbon",
    "Milan",
    "Vienna",
    "Oslo",
    "Malmo",
    "Turin",
    "Porto",
    "Basel",
    "Zurich",
    "Nice",
    "Maastricht",
    "Zwolle",
    "Almere",
]
PRODUCTS = [
    "sneakers",
    "jackets",
    "headphones",
    "backpacks",
    "watches",
    "lamps",
    "coffee machines",
    "bikes",
    "helmets",
    "desks",
    "chairs",
    "boots",
    "scarves",
    "phones",
    "tablets",
    "speakers",
    "tents",
    "kettles",
    "blenders",
    "cameras",
    "gloves",
    "rugs",
    "mirrors",
    "sofas",
    "drones",
    "printers",
    "monitors",
    "keyboards",
    "wallets",
    "umbrellas",
]
WARES = [
    "schoenen",
    "jassen",
    "koptelefoons",
    "rugzakken",
    "horloges",
    "lampen",
    "koffiemachines",
    "fietsen",
    "helmen",
    "bureaus",
    "stoelen",
    "laarzen",
    "sjaals",
    "telefoons",
    "tablets",
    "speakers",
    "tenten",
    "waterkokers",
    "blenders",
    "camera's",
    "handschoenen",
    "kleden",
    "spiegels",
    "banken",
    "drones",
    "printers",
    "monitoren",
    "toetsenborden",
]
MONTHS = {
    "en": ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
    "nl": ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"],
}
SYNONYMS = {
    "en": [
        ("big", "large", "huge"),
        ("fast", "quick", "speedy"),
        ("buy", "purchase", "get"),
        ("great", "fantastic", "wonderful"),
        ("begins", "starts", "kicks off"),
        ("cheap", "affordable", "low-priced"),
        ("happy", "glad", "delighted"),
        ("shop", "store", "outlet"),
        ("customers", "shoppers", "clients"),
        ("discount", "reduction", "markdown"),
        ("free", "complimentary", "gratis"),
        ("new", "brand-new", "fresh"),
        ("today", "this very day", "right now"),
        ("help", "assist", "support"),
        ("said", "stated", "declared"),
        ("about", "regarding", "concerning"),
        ("team", "crew", "squad"),
        ("job", "position", "role"),
        ("love", "adore", "enjoy"),
        ("show", "display", "present"),
    ],
    "nl": [
        ("groot", "enorm", "fors"),
        ("snel", "vlot", "rap"),
        ("kopen", "aanschaffen", "bestellen"),
        ("geweldig", "fantastisch", "prachtig"),
        ("begint", "start", "gaat van start"),
        ("goedkoop", "voordelig", "betaalbaar"),
        ("blij", "verheugd", "opgetogen"),
        ("winkel", "zaak", "filiaal"),
        ("klanten", "kopers", "bezoekers"),
        ("korting", "reductie", "prijsverlaging"),
        ("gratis", "kosteloos", "voor niets"),
        ("nieuw", "gloednieuw", "vers"),
        ("vandaag", "deze dag", "nu meteen"),
        ("helpen", "bijstaan", "ondersteunen"),
        ("zei", "stelde", "verklaarde"),
        ("over", "aangaande", "betreffende"),
        ("ploeg", "groep", "club"),
        ("baan", "functie", "plek"),
    ],
}
FORMS = {
    "en": [
        ("Our {brand} {shop} in {city} gives a {big} {discount} of {pct}% on {product} until {day}", "{noun} {noun2}, {customers} are {happy}"),
        ("{who} of {brand} {said} in {city} that {count} {product} were sold {about} {noun}", "the {noun2} {begins} on {day}"),
        ("We {love} the {new} {brand} {product} for only €{price}, they are {great}", "{buy} them in {city} and {show} your {noun}"),
        ("{brand} looks for a {noun} {job} in {city}, {count} hours a week", "join our {team} before {day} and {help} the {noun2}"),
        ("{who} beats {who2} {score} in {city} and the {noun} crowd is {happy}", "the next {noun2} {begins} on {day}"),
        ("Delivery of {product} from {brand} is {fast} and {free} above €{price}", "ask our {noun} {team} in {city} {about} {noun2}"),
        ("The {noun} train from {city} to {city2} leaves at {hour} on {day}", "{customers} with {noun2} {product} go {free}"),
    ],
    "nl": [
        ("Onze {brand} {winkel} in {city} geeft {groot} veel {korting}, wel {pct}% op {product} tot {day}", "{noun} {noun2}, {klanten} zijn {blij}"),
        ("{who} van {brand} {zei} in {city} dat er {count} {product} zijn verkocht {over} {noun}", "de {noun2} {begint} op {day}"),
        ("Wij vinden de {product} van {brand} voor maar €{price} {geweldig} en {goedkoop}", "ga ze {kopen} in {city} met je {noun} en {noun2}"),
        ("{brand} zoekt voor een {baan} als {noun} in {city} iemand voor {count} uur", "kom bij onze {ploeg} voor {day} de {noun2} {helpen}"),
        ("{who} verslaat {who2} met {score} in {city} en het {noun} publiek is {blij}", "de volgende {noun2} {begint} op {day}"),
        ("Levering van {product} door {brand} is {snel} en {gratis} boven €{price}", "vraag onze {noun} {ploeg} in {city} {over} {noun2}"),
    ],
}
ASIDES = {
    "en": ["so true", "wow", "must see", "please share", "finally", "good news", "yes"],
    "nl": ["echt waar", "mooi", "delen graag", "eindelijk", "goed nieuws", "ja"],
}
STOPWORDS = {
    "en": ["the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "with", "as", "on", "be", "this", "we", "are", "at"],
    "nl": ["de", "van", "en", "het", "een", "in", "is", "dat", "op", "te", "voor", "met", "zijn", "er", "we", "aan"],
}
NEVER = {"en": (" is ", " is not "), "nl": (" is ", " is niet ")}
DEGENERATE = ["", "ok", "lol", "👍", "😂😂", "...", "#tbt", "yes", "haha", "https://t.co/x", "RT", "!!", "n/a", "-", "mooi!", "👌🏽 ok"]
TYPES = {"id": pl.String, "text": pl.String, "cluster": pl.String, "kind": pl.String, "made_from": pl.String}


class Post(NamedTuple):
    """A post that can be told again: its form, what fills it, its language and its link."""

    lang: str
    form: tuple[str, str]
    facts: dict[str, str]
    words: dict[str, int]
    link: str

    def told(self, *, swapped: bool = False) -> str:
        """The text; `swapped` tells the second clause first."""
        words = {group[0]: group[self.words.get(group[0], 0)] for group in SYNONYMS[self.lang]}
        first, second = (part.format(**self.facts, **words) for part in self.form)
        told = f"{second[0].upper()}{second[1:]}: {first}." if swapped else f"{first}. {second[0].upper()}{second[1:]}."
        return f"{told} {self.link}".strip()


class Maker:
    """Makes posts; one seed, one text."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.brands = [self.name() for _ in range(1500)]
        self.nouns = [self.word() for _ in range(12_000)]
        self.tags = [self.word() for _ in range(400)]

    def word(self) -> str:
        """A word that can be spoken."""
        return "".join(self.rng.choice(CONSONANTS) + self.rng.choice(VOWELS) for _ in range(self.rng.choice((2, 2, 3, 3, 4)))) + self.rng.choice(
            ("", "", "n", "s", "r", "k")
        )

    def name(self) -> str:
        """A name."""
        return self.word().capitalize()

    def noun(self) -> str:
        """A noun; few are often used."""
        return self.nouns[int(len(self.nouns) * self.rng.random() ** 3)]

    def fact(self, name: str, lang: str) -> str:
        """What may stand in a gap."""
        rng = self.rng
        kinds: dict[str, Callable[[], str]] = {
            "brand": lambda: rng.choice(self.brands),
            "city": lambda: rng.choice(CITIES),
            "who": lambda: f"{rng.choice(PEOPLE)} {rng.choice(FAMILIES)}",
            "pct": lambda: str(rng.randrange(5, 95, 5)),
            "price": lambda: f"{rng.randrange(5, 900)}{rng.choice(('', '.95', '.50'))}",
            "count": lambda: str(rng.randrange(12, 4000)),
            "score": lambda: f"{rng.randrange(0, 7)}-{rng.randrange(0, 7)}",
            "hour": lambda: f"{rng.randrange(6, 23)}:{rng.choice(('00', '15', '30', '45'))}",
            "day": lambda: f"{rng.randrange(1, 29)} {rng.choice(MONTHS[lang])}",
            "product": lambda: rng.choice(PRODUCTS if lang == "en" else WARES),
            "noun": self.noun,
        }
        return kinds[name.rstrip("2")]()

    def post(self) -> Post:
        """A post that nobody told before."""
        rng = self.rng
        lang = rng.choice(("en", "nl"))
        link = f"https://{self.word()}.{rng.choice(('nl', 'com', 'eu'))}/{self.word()}/{rng.randrange(1000)}" if rng.random() < 0.4 else ""
        if rng.random() < 0.25:
            return Post(lang, self.free(lang), {}, {}, link)
        form = rng.choice(FORMS[lang])
        gaps = {g for part in form for g in re.findall(r"\{(\w+)\}", part)}
        known = {group[0] for group in SYNONYMS[lang]}
        return Post(lang, form, {g: self.fact(g, lang) for g in sorted(gaps - known)}, {g: rng.randrange(3) for g in sorted(gaps & known)}, link)

    def free(self, lang: str) -> tuple[str, str]:
        """Two clauses of nouns and small words, with a name now and then."""

        def clause() -> str:
            drawn = [self.rng.choice(STOPWORDS[lang]) if n % 2 else self.noun() for n in range(self.rng.randrange(5, 11))]
            if self.rng.random() < 0.4:
                drawn.insert(self.rng.randrange(1, len(drawn)), self.rng.choice(self.brands))
            return " ".join(drawn)

        return clause().capitalize(), clause()

    def exact(self, post: Post) -> str:
        """The same bytes."""
        return post.told()

    def normalised(self, post: Post) -> str:
        """The same text in another form."""
        text, rng = post.told(), self.rng
        ways: list[Callable[[str], str]] = [
            str.upper,
            str.lower,
            lambda t: "  " + t.replace(" ", "  ", 2) + "\n",
            lambda t: t.replace(".", "\u200b.").replace(" ", "\u00a0", 1),
            lambda t: unicodedata.normalize("NFD", t),
            lambda t: t.replace("€", "&euro;").replace("'", "&#39;"),
            lambda t: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in t) if "http" not in t else t.lower(),
            lambda t: t.rstrip("."),
        ]
        if post.link:
            ways += [lambda t: t.replace(post.link, post.link + rng.choice(("?utm_source=x&utm_medium=y", "?fbclid=abc")))] * 3
        for way in rng.sample(ways, rng.choice((1, 1, 2))):
            text = way(text)
        return text

    def typo(self, text: str) -> str:
        """One letter wrong in a word of six letters or more that is no name and no fact."""
        places = [m for m in re.finditer(r"(?<![\w/.:@#€])[a-zé]{6,}(?![\w/:])", text)]
        if not places:
            return text
        at = self.rng.choice(places)
        word, n = at.group(), self.rng.randrange(1, len(at.group()) - 1)
        how = self.rng.randrange(3)
        wrong = (
            word[:n] + word[n + 1 :] if how == 0 else word[:n] + word[n + 1] + word[n] + word[n + 2 :] if how == 1 else word[:n] + word[n] + word[n:]
        )
        return text[: at.start()] + wrong + text[at.end() :]

    def near(self, post: Post) -> str:
        """What people and platforms do to a text."""
        rng, text = self.rng, post.told()
        bare = text.replace(post.link, "").strip() if post.link else text
        way = rng.randrange(8)
        if way == 0:
            return self.typo(text)
        if way == 1:
            return self.typo(self.typo(text))
        if way == 2:
            return f"RT @{self.word()}: {text}"
        if way == 3:
            return bare[: max(40, int(len(bare) * rng.uniform(0.65, 0.9)))].rsplit(" ", 1)[0] + rng.choice(("…", "..."))
        if way == 4:
            return f"{text} " + " ".join(f"#{rng.choice(self.tags)}" for _ in range(rng.randrange(1, 4)))
        if way == 5:
            return f"{rng.choice(ASIDES[post.lang]).capitalize()}! {text}"
        if way == 6:
            return f"{bare} {rng.choice('🔥👍🎉😍')} https://t.co/{self.word()}"
        return self.typo(f"RT @{self.word()}: {text}")

    def paraphrase(self, post: Post) -> str:
        """The same facts in other words; free text has its clauses swapped."""
        if not post.words:
            first, second = post.form
            return f"{second[0].upper()}{second[1:]}. {first}. {post.link}".strip()
        other = {g: (n + self.rng.randrange(1, 3)) % 3 if self.rng.random() < 0.85 else n for g, n in post.words.items()}
        return post._replace(words=other).told(swapped=self.rng.random() < 0.5)

    def hard(self, post: Post) -> Post | None:
        """The same post with one other fact; None where it has none."""
        rng = self.rng
        if not post.facts:
            verb = NEVER[post.lang]
            changed = tuple(part.replace(*verb, 1) for part in post.form)
            return post._replace(form=(changed[0], changed[1])) if changed != post.form else None
        if rng.random() < 0.15:
            changed = tuple(part.replace(*NEVER[post.lang], 1) for part in post.form)
            if changed != post.form:
                return post._replace(form=(changed[0], changed[1]))
        if rng.random() < 0.15 and {"who", "who2"} <= set(post.facts):
            return post._replace(facts={**post.facts, "who": post.facts["who2"], "who2": post.facts["who"]})
        if rng.random() < 0.15 and {"city", "city2"} <= set(post.facts):
            return post._replace(facts={**post.facts, "city": post.facts["city2"], "city2": post.facts["city"]})
        name = rng.choice(sorted(set(post.facts) - {"noun", "noun2"}))
        for _ in range(20):
            value = self.fact(name, post.lang)
            if value != post.facts[name]:
                return post._replace(facts={**post.facts, name: value})
        return None


def generate(rows: int, seed: int) -> pl.DataFrame:
    """`id, text, cluster, kind, made_from`: 68 % originals, 8 % hard, 2 % degenerate, the rest duplicates; clusters of up to some hundreds."""
    maker = Maker(seed)
    rng = maker.rng
    out: list[tuple[str, str, str, str, str | None]] = []
    seen: set[str] = set()

    def add(text: str, cluster: str | None, kind: str, made_from: str | None = None) -> str:
        name = f"p{len(out):07d}"
        out.append((name, text, cluster or name, kind, made_from))
        return name

    def entity(post: Post, kind: str, made_from: str | None = None) -> str | None:
        mark = post._replace(words={}, link="").told().casefold()
        if mark in seen:
            return None
        seen.add(mark)
        return add(post.told(), None, kind, made_from)

    again: list[tuple[str, Callable[[Post], str]]] = [("exact", maker.exact), ("normalised", maker.normalised), ("near", maker.near)]
    while len(out) < rows:
        if rng.random() < 0.024:
            add(rng.choice(DEGENERATE), None, "degenerate")
            continue
        post = maker.post()
        name = entity(post, "original")
        if name is None:
            continue
        if rng.random() < 0.17:
            size = min(int(rng.paretovariate(1.3)), 300)
            for _ in range(size):
                kind, how = rng.choice(again)
                add(how(post), name, kind)
            if rng.random() < 0.35:
                add(maker.paraphrase(post), name, "paraphrase")
        if rng.random() < 0.115:
            other = maker.hard(post)
            if other is not None:
                entity(other, "hard", name)
    rng.shuffle(out)
    return pl.DataFrame(out[:rows], schema=TYPES, orient="row")
