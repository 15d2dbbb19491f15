"""Questions made from parts, with what each must give; another seed gives other questions. The wording is this file's own."""

import datetime as dt
import random

from seeding_platform_tests.analytics.questions.oracle import Case, Expected, previous, window, year_ago

METRICS = {
    "en": {
        "spend": "spend",
        "clicks": "clicks",
        "impressions": "impressions",
        "conversions": "conversions",
        "revenue": "revenue",
        "cac": "CAC",
        "roas": "ROAS",
        "ctr": "CTR",
        "cpc": "CPC",
        "cpm": "CPM",
        "cpa": "CPA",
        "cvr": "conversion rate",
        "aov": "average order value",
        "roi": "ROI",
    },
    "nl": {
        "spend": "uitgaven",
        "clicks": "klikken",
        "impressions": "vertoningen",
        "conversions": "conversies",
        "revenue": "omzet",
        "cac": "CAC",
        "roas": "ROAS",
        "ctr": "CTR",
        "cpc": "CPC",
        "cpm": "CPM",
        "cpa": "CPA",
        "cvr": "conversieratio",
        "aov": "gemiddelde orderwaarde",
        "roi": "ROI",
    },
}
WINDOWS = {
    "en": {
        "L{n}d": "last {n} days",
        "L{n}w": "last {n} weeks",
        "L{n}m": "past {n} months",
        "L1w": "last week",
        "L1m": "last month",
        "L1q": "last quarter",
        "L1y": "last year",
        "tm": "this month",
        "tq": "this quarter",
        "ty": "year to date",
        "yd": "yesterday",
    },
    "nl": {
        "L{n}d": "laatste {n} dagen",
        "L{n}w": "afgelopen {n} weken",
        "L{n}m": "laatste {n} maanden",
        "L1w": "vorige week",
        "L1m": "vorige maand",
        "L1q": "vorig kwartaal",
        "L1y": "vorig jaar",
        "tm": "deze maand",
        "tq": "dit kwartaal",
        "ty": "dit jaar",
        "yd": "gisteren",
    },
}
MONTHS = {
    "en": ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
    "nl": ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"],
}
BY = {
    "en": {
        "platform": ("by platform", "platform", "platforms"),
        "campaign": ("per campaign", "campaign", "campaigns"),
        "country": ("by country", "country", "countries"),
        "device": ("by device", "device", "devices"),
    },
    "nl": {
        "platform": ("per platform", "platform", "platforms"),
        "campaign": ("per campagne", "campagne", "campagnes"),
        "country": ("per land", "land", "landen"),
        "device": ("per apparaat", "apparaat", "apparaten"),
    },
}
ONLY = {
    "en": {
        ("platform", "Google"): "on Google",
        ("platform", "Meta"): "for Meta",
        ("country", "NL"): "in the Netherlands",
        ("country", "DE"): "in DE",
        ("device", "Mobile"): "on mobile",
        ("campaign", "Brand_Search"): "for the Brand Search campaign",
        ("platform", "X"): "on Twitter",
    },
    "nl": {
        ("platform", "Google"): "op Google",
        ("platform", "Meta"): "voor Meta",
        ("country", "NL"): "in Nederland",
        ("country", "DE"): "in Duitsland",
        ("device", "Mobile"): "op mobiel",
        ("campaign", "Brand_Search"): "voor campagne Brand_Search",
        ("platform", "X"): "op Twitter",
    },
}
GRAINS = {"en": {"day": "per day", "week": "by week", "month": "by month"}, "nl": {"day": "per dag", "week": "per week", "month": "per maand"}}
DOWN = {"cac", "cpc", "cpm", "cpa"}


def grid(n: int, *, seed: int, complete: dt.date) -> list[Case]:
    rng = random.Random(seed)
    return [_one(rng, complete) for _ in range(n)]


def _one(rng: random.Random, complete: dt.date) -> Case:
    lang = rng.choice(["en", "nl"])
    as_of = complete + dt.timedelta(days=rng.choice([1, 1, 1, 0, -20, -75, -200]))
    token, words = _window(rng, lang)
    metrics = rng.sample(sorted(METRICS[lang]), rng.choice([1, 1, 1, 2]))
    told = f" {'and' if lang == 'en' else 'en'} ".join(METRICS[lang][m] for m in metrics)
    start, end = window(token, as_of)
    expected = Expected(metrics=metrics, start=start, end=end)
    kind = rng.choice(["plain", "by", "only", "rank", "grain", "by_only", "except", "threshold"])
    build = {
        "plain": _plain,
        "by": _by,
        "only": _only,
        "rank": _rank,
        "grain": _grain,
        "by_only": _by_only,
        "except": _except,
        "threshold": _threshold,
    }[kind]
    question = build(rng, lang, told, words, expected)
    if kind in ("plain", "by", "only", "by_only") and rng.random() < 0.5:
        question = _compared(rng, lang, question, token, as_of, complete, expected)
    return Case(lang, "core", question, as_of, set(), expected, name=f"{lang}: {question} (as of {as_of})")


def _window(rng: random.Random, lang: str) -> tuple[str, str]:
    if rng.random() < 0.3:
        year, month = rng.choice([2024, 2025]), rng.randint(1, 12)
        month = min(month, 6) if year == 2025 else month
        if rng.random() < 0.3:
            q = (month - 1) // 3 + 1
            return f"{year}-Q{q}", f"Q{q} {year}"
        return f"{year}-{month:02d}", f"{MONTHS[lang][month - 1]} {year}"
    token = rng.choice(sorted(WINDOWS[lang]))
    n = rng.randint(2, 40) if token.endswith("d") and "{" in token else rng.randint(2, 8)
    return token.replace("{n}", str(n)), WINDOWS[lang][token].replace("{n}", str(n))


def _plain(rng, lang, told, words, expected) -> str:
    forms = {
        "en": ["What was our {m} {w}?", "{m} {w}", "show me {m} for {w}", "{w} {m}"],
        "nl": ["Wat was onze {m} {w}?", "{m} {w}", "laat me de {m} van {w} zien", "{m} in {w}"],
    }
    return rng.choice(forms[lang]).format(m=told, w=words)


def _by(rng, lang, told, words, expected) -> str:
    name = rng.choice(sorted(BY[lang]))
    expected.dimensions = [name]
    return f"{told} {BY[lang][name][0]} {words}"


def _only(rng, lang, told, words, expected) -> str:
    (dimension, value), text = rng.choice(sorted(ONLY[lang].items()))
    expected.filters = {dimension: [value]}
    return f"{told} {text} {words}"


def _by_only(rng, lang, told, words, expected) -> str:
    text = _only(rng, lang, told, "", expected)
    name = rng.choice([d for d in sorted(BY[lang]) if d not in expected.filters])
    expected.dimensions = [name]
    return f"{text.strip()} {BY[lang][name][0]} {words}"


def _except(rng, lang, told, words, expected) -> str:
    name = rng.choice(["platform", "country"])
    value = {"platform": "Meta", "country": "FR"}[name]
    text = {"Meta": "Meta", "FR": {"en": "France", "nl": "Frankrijk"}[lang]}[value]
    expected.exclude = {name: [value]}
    word = rng.choice({"en": ["except", "excluding", "without"], "nl": ["behalve", "zonder", "exclusief"]}[lang])
    if rng.random() < 0.5:
        expected.dimensions = [name]
        return f"{told} {BY[lang][name][0]} {word} {text} {words}"
    return f"{told} {word} {text} {words}"


def _rank(rng, lang, told, words, expected) -> str:
    expected.metrics = expected.metrics[:1]
    metric = expected.metrics[0]
    told = METRICS[lang][metric]
    name = rng.choice(sorted(BY[lang]))
    expected.dimensions = [name]
    _, one, many = BY[lang][name]
    kind = rng.choice(["highest", "lowest", "top", "many"])
    if kind == "top":
        n = rng.randint(2, 4)
        expected.order, expected.limit = (metric, "asc" if metric in DOWN else "desc"), n
        return f"top {n} {many} by {told} {words}" if lang == "en" else f"top {n} {many} op {told} {words}"
    high = kind != "lowest"
    expected.order, expected.limit = (metric, "desc" if high else "asc"), None if kind == "many" else 1
    if lang == "en":
        return f"which {many if kind == 'many' else one} had the {'highest' if high else 'lowest'} {told} {words}"
    article = "welke" if kind == "many" or one == "campagne" else "welk"
    verb = "hadden" if kind == "many" else "had"
    return f"{article} {many if kind == 'many' else one} {verb} de {'hoogste' if high else 'laagste'} {told} {words}"


def _grain(rng, lang, told, words, expected) -> str:
    expected.grain = rng.choice(sorted(GRAINS[lang]))
    return f"{told} {GRAINS[lang][expected.grain]} {words}"


def _threshold(rng, lang, told, words, expected) -> str:
    metric, limit = rng.choice([("clicks", 3000), ("spend", 4000), ("conversions", 150), ("cac", 20), ("roas", 4)])
    expected.metrics = [metric]
    name = rng.choice(sorted(BY[lang]))
    expected.dimensions = [name]
    above = rng.random() < 0.5
    expected.having = [(metric, ">" if above else "<", float(limit))]
    word = {"en": ("above", "below"), "nl": ("boven", "onder")}[lang][not above]
    linking = "with" if lang == "en" else "met"
    return f"{BY[lang][name][2]} {linking} {METRICS[lang][metric]} {word} {limit} {words}"


def _compared(rng, lang, question, token, as_of, complete, expected) -> str:
    if rng.random() < 0.6:
        expected.compare = previous(token, as_of, complete)
        return question.rstrip("?") + rng.choice(
            {
                "en": [" vs the previous period", " compared to the prior period"],
                "nl": [" vs de vorige periode", " vergeleken met de vorige periode"],
            }[lang]
        )
    expected.compare = year_ago(token, as_of, complete)
    return question.rstrip("?") + rng.choice(
        {"en": [" vs the same period last year", " year over year"], "nl": [" vs dezelfde periode vorig jaar", " jaar op jaar"]}[lang]
    )
