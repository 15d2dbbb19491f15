"""Orders of a shop and campaign days of an advertiser as they should be, and the same rows after people and export tools have had them.

Mistakes follow the habits of spreadsheets, back offices and ad platforms; each has a kind, and `form` is no mistake.
"""

import math
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

Cells = dict[str, str | None]
STAMP, TEXT, FLOAT = pl.Datetime("us", "UTC"), pl.String(), pl.Float64()
ORDERS = dict.fromkeys(("order_id", "customer_ref", "utm_source", "utm_campaign", "status"), TEXT)
ORDERS |= {**dict.fromkeys(("created_at", "promised_at", "shipped_at", "delivered_at"), STAMP), "carrier": TEXT, "amount": FLOAT, "currency": TEXT}
ORDERS |= {"paid_amount": FLOAT, "items": pl.Int64(), "ship_country": TEXT}
DAYS = {"row_id": TEXT, "date": pl.Date(), **dict.fromkeys(("platform", "account", "campaign", "campaign_id", "ad_group", "country", "device"), TEXT)}
DAYS |= {"currency": TEXT, "spend": FLOAT, "clicks": pl.Int64(), "impressions": pl.Int64(), "conversions": FLOAT, "revenue": FLOAT}
CARRIERS = {"DE": "DHL,DPD,Hermes", "AT": "Austrian Post,DHL,GLS", "FR": "Colissimo,Chronopost,DPD", "NL": "PostNL,DHL,DPD"}
CARRIERS |= {"GB": "Royal Mail,Evri,DPD", "CH": "Swiss Post,DHL,GLS", "US": "UPS,FedEx,USPS", "SE": "PostNord,DHL,Budbee"}
MONEY, RATES = {"GB": "GBP", "CH": "CHF", "US": "USD", "SE": "SEK"}, {"EUR": 1.0, "GBP": 0.86, "CHF": 0.97, "USD": 1.08, "SEK": 11.4}
UTM = dict.fromkeys(("brand_exact_dach", "generic_kitchen", "shopping_all_products", "pmax_garden"), "google")
UTM |= dict.fromkeys(("SS25_prospecting_video", "retargeting_cart_7d", "lookalike_buyers_3pct"), "facebook")
UTM |= dict.fromkeys(("nl_2025_02_new_arrivals", "winback_90_days", "welcome_series_2"), "newsletter")
UTM |= {"creator_home_tour": "tiktok", "spark_ads_march": "tiktok", "autumn_lookbook_story": "instagram", "voucher_portal_10off": "affiliate"}
ACCOUNTS = "Google/DACH Search/EUR/DE AT,Google/UK/GBP/GB IE,Google/North America/USD/US CA,Meta/Europe Social/EUR/DE FR NL,"
ACCOUNTS += "Meta/Schweiz/CHF/CH,LinkedIn/Office B2B/EUR/DE NL CH,TikTok/TikTok Shop/GBP/GB,X/Home on X/USD/US GB"
# price of a thousand impressions, clicks an impression, conversions a click, digits of a campaign id
MARKETS = {"Google": (17, 0.045, 0.035, 11), "Meta": (8, 0.012, 0.018, 17), "LinkedIn": (34, 0.006, 0.02, 9), "TikTok": (5, 0.009, 0.008, 19)}
MARKETS |= {"X": (6, 0.007, 0.006, 8)}
GOALS = ("Prospecting", "Retargeting", "Brand", "Performance Max", "Catalogue", "Traffic")
THEMES = ("Küche & Bad", "Frühjahr 2025", "Garden Furniture", "Möbel Sale", "Home Office", "Kids Room", "Décor", "Lighting", "Clearance")
STATES = ("pending", "processing", "shipped", "delivered", "returned", "cancelled")


def orders(rows: int, seed: int) -> pl.DataFrame:
    """True rows of the contract `orders` as they were placed; what lies after the export is still open."""
    rng = random.Random(seed)
    homes = (40, 8, 9, 8, 14, 5, 11, 5)
    buyers = [(f"C{ref}", rng.choices(list(CARRIERS), homes)[0]) for ref in rng.sample(range(10**6, 10**7), max(20, rows * 2 // 5))]
    buying = rng.choices(buyers, [min(rng.paretovariate(1.3), 8) for _ in buyers], k=rows)
    end = datetime(2025, 4, 1, tzinfo=UTC)
    hours = rng.choices(range(24), (2, 1, 1, 1, 1, 2, 3, 5, 6, 6, 6, 7, 8, 7, 6, 6, 7, 8, 10, 13, 14, 12, 8, 4), k=rows)
    placed = sorted(end - timedelta(days=rng.randint(1, 182)) + timedelta(hours=hour, seconds=rng.randrange(3600)) for hour in hours)
    table = [(f"SO-{100000 + 4 * n + rng.randrange(4)}", *_order(rng, *buying[n], placed[n], end)) for n in range(rows)]
    return pl.DataFrame(table, schema=ORDERS, orient="row")


def _order(rng: random.Random, buyer: str, home: str, created: datetime, end: datetime) -> tuple[Any, ...]:
    campaign = rng.choice(list(UTM)) if rng.random() < 0.66 else None
    source = UTM[campaign] if campaign else rng.choice(("google", "direct", None, None))
    country = home if rng.random() < 0.97 else rng.choice(list(CARRIERS))
    currency, collected, cancelled = MONEY.get(home, "EUR"), rng.random() < 0.02, rng.random() < 0.04
    items = rng.choices((1, 2, 3, 4, 6, 12), (52, 24, 12, 7, 4, 1))[0]
    goods = sum(math.ceil(rng.lognormvariate(3.4, 0.7) * RATES[currency]) - rng.choice((0.01, 0.05, 0.1)) for _ in range(items))
    amount = round(goods + (4.9 if goods < 60 * RATES[currency] else 0), 2)
    paid = amount if rng.random() < 0.94 else round(amount * rng.choice((0.9, 0.95, 0.8)), 2)
    promised = (created + timedelta(days=rng.choice((3, 4, 5, 7)))).replace(hour=18, minute=0, second=0)
    shipped = created + timedelta(hours=rng.choice((5, 9, 20, 26, 44, 70)), seconds=rng.randrange(7200))
    delivered = shipped + timedelta(days=rng.choices((1, 2, 3, 4, 8), (35, 35, 16, 10, 4))[0] + 2 * (country == "US"), seconds=rng.randrange(30000))
    sent, arrived = not cancelled and shipped < end, not cancelled and delivered < end and rng.random() > 0.01
    step = 5 if cancelled else 2 + arrived + (arrived and rng.random() < 0.05) if sent else int(end - created > timedelta(hours=8))
    carrier = rng.choices(CARRIERS[country].split(","), (80, 14, 6))[0] if sent and not collected else None
    times = (created, promised if rng.random() > 0.04 else None, shipped if sent else None, delivered if arrived else None)
    money = (amount, currency, None if step in (0, 5) else paid)
    return (buyer, source, campaign, STATES[step], *times, carrier, *money, items, None if collected else country)


def campaign_days(rows: int, seed: int) -> pl.DataFrame:
    """True rows of the contract `ad_facts`, day by day; few campaigns have most of the impressions."""
    rng = random.Random(seed)
    campaigns: list[tuple[Any, ...]] = []
    for platform, account, currency, places in (text.split("/") for text in ACCOUNTS.split(",")):
        for goal, theme in rng.sample([(goal, theme) for goal in GOALS for theme in THEMES], 4):
            name = {"Google": " | ", "LinkedIn": " - "}.get(platform, "_").join((places[:2], goal, theme))
            number = str(rng.randrange(10 ** (MARKETS[platform][3] - 1), 10 ** MARKETS[platform][3]))
            groups = (None,) if goal == "Performance Max" else (f"{theme} Broad", f"{theme} Exact 1", f"{goal} Lookalike 3%")
            size = min(900 * rng.paretovariate(1.1), 400_000)
            campaigns.append((platform, f"Nordlicht {account}", name, number, groups, places.split(), currency, size))
    dates = sorted(date(2025, 1, 6) + timedelta(days=rng.randrange(max(60, min(rows // 25, 300)))) for _ in range(rows))
    chosen = rng.choices(campaigns, [c[-1] ** 0.3 for c in campaigns], k=rows)
    table = [(f"A{n:06d}", dates[n], *chosen[n][:4], *_figures(rng, dates[n], chosen[n])) for n in range(rows)]
    return pl.DataFrame(table, schema=DAYS, orient="row")


def _figures(rng: random.Random, day: date, campaign: tuple[Any, ...]) -> tuple[Any, ...]:
    platform, _, _, _, groups, places, currency, size = campaign
    mille, clicking, buying, _ = MARKETS[platform]
    office = platform == "LinkedIn"
    device = rng.choices(("Mobile", "Desktop", "Tablet"), (30, 65, 5) if office else (68, 26, 6))[0]
    size *= {"Mobile": 1.0, "Desktop": 0.6, "Tablet": 0.1}[device] * ((0.25 if office else 1.3) if day.weekday() >= 5 else 1.0)
    shown = int(size * rng.lognormvariate(-0.2, 0.6))
    clicks = min(shown, _about(rng, shown * clicking * rng.lognormvariate(0, 0.25)))
    bought = _about(rng, clicks * buying) * (round(rng.uniform(0.6, 1), 1) if platform == "Google" and rng.random() < 0.5 else 1.0)
    spend = round(shown / 1000 * mille * RATES[currency] * rng.lognormvariate(0, 0.2), 2) if clicks or platform != "Google" else 0.0
    revenue = None if office else round(bought * 74 * RATES[currency] * rng.lognormvariate(0, 0.4), 2)
    result = (None, None) if platform == "X" and not bought else (round(bought, 2), revenue)
    place = rng.choices(places, range(len(places), 0, -1))[0] if rng.random() > 0.02 else None
    return (rng.choice(groups), place, None if office and rng.random() < 0.2 else device, currency, spend, clicks, shown, *result)


def _about(rng: random.Random, mean: float) -> int:
    return max(0, round(rng.gauss(mean, math.sqrt(mean))))


SIGNS, NEAR = {"EUR": "€", "GBP": "£", "USD": "$"}, dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertzuiopüsdfghjkläxcvbnm,", strict=True))
CASED, CHOICES = ("platform", "device", "country", "ship_country"), ("carrier", "ship_country", "utm_source", "platform", "country", "device")
SWAPS = (("utm_source", "utm_campaign"), ("shipped_at", "delivered_at"), ("created_at", "promised_at"), ("currency", "ship_country"))
SWAPS += (("amount", "paid_amount"), ("carrier", "status"), ("clicks", "impressions"), ("campaign", "ad_group"), ("account", "campaign"))
SWAPS += (("currency", "country"), ("spend", "revenue"), ("clicks", "conversions"))
# cells (column, value, type) that a mistake can befall
CELLS: dict[str, Callable[[str, str, pl.DataType], bool]] = {
    "any": lambda c, v, t: True,
    "word": lambda c, v, t: t == TEXT and len(v) > 2 and not v.isdigit(),
    "long": lambda c, v, t: t == TEXT and len(v) > 8,
    "accents": lambda c, v, t: not v.isascii(),
    "id": lambda c, v, t: len(v) > 15 and v.isdigit(),
    "digits": lambda c, v, t: sum(map(str.isdigit, v)) > 1 and (t.is_numeric() or c in ("customer_ref", "campaign_id")),
    "money": lambda c, v, t: t.is_float() and c != "conversions",
    "time": lambda c, v, t: t.is_temporal(),
    "early": lambda c, v, t: t.is_temporal() and int(v[8:10]) <= 12,
    "status": lambda c, v, t: c == "status" and v != STATES[0],
    "currency": lambda c, v, t: c == "currency",
    "free": lambda c, v, t: c in ("customer_ref", "utm_campaign", "campaign", "ad_group"),
    "choice": lambda c, v, t: c in CHOICES,
}
# how often a kind is met, in which cells, and what it makes (draw, value, values of the column) of one
KINDS: dict[str, tuple[int, str, Callable[[random.Random, str, list[str]], str | None]]] = {
    "blank": (14, "any", lambda r, v, o: r.choice((None, ""))),
    "placeholder": (7, "any", lambda r, v, o: r.choice(("-", "-", "n/a", "N/A", "#N/A", "(not set)"))),
    "test": (2, "free", lambda r, v, o: r.choice(("test", "Test", "asdf", "xxx"))),
    "typo": (12, "word", lambda r, v, o: _struck(r, v, str.isalpha, r.choice(("dropped", "doubled", "transposed", "near")))),
    "cut_off": (6, "long", lambda r, v, o: v[: r.choice([n for n in (8, 12, 16, 20, 24) if n < len(v)])]),
    "mojibake": (3, "accents", lambda r, v, o: r.choice((v.encode().decode("latin-1"), v.encode("ascii", "replace").decode()))),
    "scientific": (3, "id", lambda r, v, o: r.choice((f"{int(v):.5E}", v[:15] + "0" * (len(v) - 15)))),
    "digit_dropped": (5, "digits", lambda r, v, o: _struck(r, v, str.isdigit, "dropped")),
    "digit_doubled": (5, "digits", lambda r, v, o: _struck(r, v, str.isdigit, "doubled")),
    "digits_transposed": (5, "digits", lambda r, v, o: _struck(r, v, str.isdigit, "transposed")),
    "point_lost": (4, "money", lambda r, v, o: v.replace(".", "")),
    "unit": (5, "money", lambda r, v, o: f"{float(v) * r.choice((100, 1000, 0.001, 1_000_000)):.2f}"),
    "sign": (4, "money", lambda r, v, o: f"-{v}"),
    "wrong_year": (4, "time", lambda r, v, o: str(int(v[:4]) + r.choice((-1, -1, 1, -10))) + v[4:]),
    "day_month": (3, "early", lambda r, v, o: v[:5] + v[8:10] + "-" + v[5:7] + v[10:]),
    "time_zone": (3, "time", lambda r, v, o: str(datetime.fromisoformat(v) + timedelta(hours=r.choice((-5, -2, -1, 1, 2))))[: len(v)]),
    "stale_status": (5, "status", lambda r, v, o: r.choice(STATES[: min(STATES.index(v), 3)])),
    "other_currency": (4, "currency", lambda r, v, o: r.choice(o)),
    "wrong_choice": (4, "choice", lambda r, v, o: r.choice(o)),
}
# of whole rows and of empty cells: see `_wrong`
WEIGHTS = {"half_filled": 8, "row_above": 9, "swapped": 6, "slid": 2, "zero_for_empty": 4, "epoch": 3} | {
    name: kind[0] for name, kind in KINDS.items()
}
BATCH = ("unit", "point_lost", "wrong_year", "time_zone", "half_filled", "other_currency", "zero_for_empty", "mojibake", "scientific")


def spoilt(truth: pl.DataFrame, seed: int, *, rows_wrong: float, key: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows as an export has them, and `row, column, kind` of the touched cells.

    Args:
        truth: rows of `orders` or `campaign_days`.
        seed: of everything that is drawn.
        rows_wrong: share of rows in which one to three cells are wrong; a fifth of all rows is written otherwise besides.
        key: columns that are left alone.
    """
    rng, rows = random.Random(seed), [{c: _written(v) for c, v in row.items()} for row in truth.iter_rows(named=True)]
    types = {c: t for c, t in truth.schema.items() if c not in key}
    values = {c: truth[c].drop_nulls().unique().sort().to_list() for c in (*CHOICES, "currency") if c in types}
    plan: dict[int, tuple[str | None, random.Random]] = {}
    while len(plan) < min(round(rows_wrong * len(rows)), len(rows)):
        start, batch = rng.randrange(len(rows)), rng.random() < 0.05
        kind, draw, left = rng.choice(BATCH) if batch else None, rng.random(), round(rows_wrong * len(rows)) - len(plan)
        for row in range(start, min(start + (rng.randint(2, 6) if batch else 1), len(rows), start + left)):
            plan.setdefault(row, (kind, random.Random(draw)))  # a batch goes wrong alike
    dirty, errors = [dict(row) for row in rows], []
    for row, (kind, own) in sorted(plan.items()):
        changes: dict[str, tuple[str, str | None]] = {}
        wanted = own.choices((1, 2, 3), (70, 22, 8))[0]
        for attempt in range(200):
            name = kind if kind and not attempt else own.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            new = _wrong(name, own, {c: rows[row][c] for c in types}, rows[max(row - 1, 0)], types, values)
            right = any(_plain(value) == _plain(rows[row][c]) for c, value in new.items())
            if not right and not new.keys() & changes.keys() and len(new) + len(changes) <= 3:
                changes |= {c: (name, value) for c, value in new.items()}
            if len(changes) >= wanted:
                break
        dirty[row] |= {c: value for c, (_, value) in changes.items()}
        errors += [(row, c, name) for c, (name, _) in changes.items()]
    for row in rng.sample(range(len(rows)), len(rows) // 5):
        free = [c for c in types if rows[row][c] is not None and dirty[row][c] == rows[row][c]]
        for column in rng.sample(free, min(len(free), rng.choice((1, 1, 2)))):
            dirty[row][column] = _form(rng, column, str(rows[row][column]), types[column], rows[row]["currency"] or "")
            errors.append((row, column, "form"))
    found = pl.DataFrame(errors, schema={"row": pl.Int64, "column": pl.String, "kind": pl.String}, orient="row")
    return pl.DataFrame(dirty, schema=dict.fromkeys(truth.columns, pl.String)), found.sort("row", "column")


def _written(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else f"{value:.2f}" if isinstance(value, float) else str(value)


def _plain(value: str | None) -> str | float | None:
    text = (value or "").strip().casefold()
    try:
        return round(float(text), 2) if len(text) < 15 else text
    except ValueError:
        return text or None


def _form(rng: random.Random, column: str, value: str, dtype: pl.DataType, currency: str) -> str:
    special = {value.lower(), value.upper()} - {value} if column in CASED else set()
    if dtype.is_numeric() and float(value) >= 1000:
        special |= {f"{float(value):,.2f}" if "." in value else f"{int(value):,}"}
    if dtype.is_float() and column != "conversions":
        special |= {SIGNS.get(currency, f"{currency} ") + f"{float(value):,.2f}", f"{value} {SIGNS.get(currency, currency)}"}
    return rng.choice(sorted(special)) if special and rng.random() < 0.75 else rng.choice((f" {value}", f"{value}  ", f"{value}\u00a0"))


def _wrong(kind: str, rng: random.Random, cells: Cells, above: Cells, types: dict[str, pl.DataType], values: dict[str, list[str]]) -> Cells:
    """New values of the cells that a mistake of this kind touches; none where the row gives no occasion for it."""
    at, names = rng.randrange(len(cells) - 2), list(cells)
    full = {c: v for c, v in cells.items() if v is not None}
    if kind == "half_filled":
        return dict.fromkeys(list(full)[at : at + rng.choice((2, 3))], rng.choice((None, "")))
    if kind == "row_above":
        return {c: above[c] for c in names[at : at + rng.choice((1, 1, 2, 3))] if _plain(above[c]) != _plain(cells[c])}
    if kind == "slid":
        return {names[at]: None, names[at + 1]: cells[names[at]], names[at + 2]: cells[names[at + 1]]}
    if kind == "swapped":
        a, b = rng.choice([pair for pair in SWAPS if pair[0] in cells and pair[1] in cells])
        return {a: cells[b], b: cells[a]}
    if kind in ("zero_for_empty", "epoch"):
        empty = [c for c in names if c not in full and types[c].is_temporal() == (kind == "epoch")]
        return {rng.choice(empty): "0" if kind == "zero_for_empty" else "1970-01-01 00:00:00"} if empty else {}
    fitting = [c for c, v in full.items() if CELLS[KINDS[kind][1]](c, v, types[c])]
    column = rng.choice(fitting or names)
    return {column: KINDS[kind][2](rng, full[column], values.get(column, []))} if fitting else {}


def _struck(rng: random.Random, value: str, letters: Callable[[str], bool], how: str) -> str:
    i = rng.choice([i for i, letter in enumerate(value) if letters(letter)])
    after, near = value[i + 1 : i + 2], NEAR.get(value[i].lower(), "e")
    new = {"dropped": "", "doubled": value[i] * 2, "transposed": after + value[i], "near": near.upper() if value[i].isupper() else near}[how]
    return value[:i] + new + value[i + (2 if how == "transposed" else 1) :]


def _snap(name: str, column: str, *dictionary: str) -> dict[str, Any]:
    return {"name": name, "kind": "snap", "column": column, **({"dictionary": list(dictionary)} if dictionary else {"min_support": 3})}


def _fd(column: str, *determinant: str) -> dict[str, Any]:
    return {"name": f"{column}_of_{determinant[-1]}", "kind": "fd", "column": column, "determinant": list(determinant), "min_support": 3, "margin": 2}


def _slip(column: str, *per: str) -> dict[str, Any]:
    return {"name": f"{column}_unit", "kind": "slip", "column": column, "per": list(per), "factors": [100, 1000], "by": ["currency"]}


def _filler(*columns: str) -> tuple[dict[str, Any], ...]:
    pattern = r"(?i)^\s*(-+|#?n/a|\(not set\)|test)\s*$"
    return tuple({"name": f"{c}_filler", "kind": "format", "column": c, "pattern": pattern, "replace": ""} for c in columns)


RULES_ORDERS: tuple[dict[str, Any], ...] = (
    *_filler("utm_source", "utm_campaign", "status", "carrier", "currency", "ship_country"),
    _snap("status", "status", *STATES),
    _snap("carrier", "carrier", *sorted({name for names in CARRIERS.values() for name in names.split(",")})),
    _snap("source", "utm_source", *sorted({*UTM.values(), "direct"})),
    _snap("campaign", "utm_campaign"),
    _fd("utm_source", "utm_campaign"),
    _fd("currency", "customer_ref"),
    {"name": "country_code", "kind": "format", "column": "ship_country", "pattern": r"(?i)^\s*[a-z]{2}\s*$"},
    _slip("amount", "paid_amount", "items"),
    _slip("paid_amount", "amount", "items"),
)
RULES_CAMPAIGN_DAYS: tuple[dict[str, Any], ...] = (
    *_filler("platform", "account", "campaign", "campaign_id", "ad_group", "country", "device", "currency"),
    {"name": "id_digits", "kind": "format", "column": "campaign_id", "pattern": r"^\s*\d{8,19}\s*$"},
    _snap("platform", "platform", *MARKETS),
    _snap("device", "device", "Mobile", "Desktop", "Tablet"),
    _snap("account", "account"),
    _snap("campaign", "campaign"),
    _snap("ad_group", "ad_group"),
    *(_fd(column, "campaign_id") for column in ("campaign", "account", "platform")),
    _fd("campaign_id", "account", "campaign"),
    _fd("platform", "account"),
    _fd("currency", "account"),
    _slip("spend", "clicks", "impressions"),
    _slip("revenue", "conversions", "spend"),
)
