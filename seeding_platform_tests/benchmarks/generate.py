"""Made posts with one measurement each, as a Dutch export writes them: the same seed gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

SEED, TENANT = 20260101, "bench"
DUPLICATE_SHARE, BROKEN_SHARE = 0.02, 0.01
ACCOUNTS, CAMPAIGNS = 60, 40
PLATFORMS = ["Instagram", "Facebook", "LinkedIn", "Twitter", "TikTok"]
KINDS = ["afbeelding", "video", "carrousel", "tekst", "link"]
OPENINGS = [
    "Vandaag gaan er weer honderd pakketten de deur uit",
    "Achter de schermen in ons magazijn: zo pakken wij in",
    "Onze   nieuwe retourbalie is open",
    "We’re hiring: chauffeurs voor de vroege dienst",
    "Drie tips voor minder schade onderweg",
    "Een klant vroeg hoe lang levering op zondag duurt",
    "Café & thee: wij leveren ook koel",
]
ENDINGS = ["Wat vind jij?", "Lees meer via de link.", "Met dank aan @depot_noord", "Tot morgen 👋", "Vragen? Stel ze aan @klantenteam!", ""]
TAGS = ["#logistiek", "#Magazijn", "#pakket #Retour", "#werkenbij", "#duurzaam #bezorging #logistiek", ""]
BROKEN_POSTS = {"status": "onbekend?", "geplaatst op": "31-02-2026 10:00", "aantal media": "-3"}
BROKEN_MEASUREMENTS = {"gemeten op": "gisteren", "vind-ik-leuks": "veel", "weergaven": "-1"}


def generate(folder: Path, rows: int, *, seed: int = SEED) -> dict[str, Path]:
    """Write the files of four contracts; posts and measurements have exactly `rows` rows each."""
    import numpy as np

    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    posts = _posts(rng, rows)
    measurements = _measurements(rng, posts)
    frames = {
        "social_accounts": _accounts(),
        "campaigns": _campaigns(),
        "content_posts": _dirty(rng, posts, BROKEN_POSTS),
        "content_analytics": _dirty(rng, measurements, BROKEN_MEASUREMENTS),
    }
    files = {contract: folder / f"{contract}.csv" for contract in frames}
    for contract, frame in frames.items():
        frame.write_csv(files[contract], separator=";")
    return files


def dirt(rows: int) -> tuple[int, int]:
    """How many rows of a file repeat a key, and how many are broken."""
    return int(rows * DUPLICATE_SHARE), int(rows * BROKEN_SHARE)


def _pick(rng: np.random.Generator, values: list[str], rows: int) -> pl.Series:
    return pl.Series(values).gather(pl.Series(rng.integers(0, len(values), rows)))


def _posts(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    fresh = rows - dirt(rows)[0]
    number = pl.Series(rng.permutation(fresh))
    minutes = pl.Series(rng.integers(0, 14 * 60, fresh)) + 7 * 60
    days = pl.Series(rng.integers(0, 600, fresh))
    frame = pl.DataFrame(
        {
            "number": number,
            "account": rng.integers(0, ACCOUNTS, fresh),
            "campagne": rng.integers(0, CAMPAIGNS * 2, fresh),
            "kanaal": _pick(rng, PLATFORMS, fresh),
            "soort": _pick(rng, KINDS, fresh),
            "opening": _pick(rng, OPENINGS, fresh),
            "ending": _pick(rng, ENDINGS, fresh),
            "tags": _pick(rng, TAGS, fresh),
            "aantal media": rng.integers(0, 5, fresh),
            "ai": _pick(rng, ["ja", "nee"], fresh),
            "at": pl.select(pl.lit("2025-01-01").str.to_datetime("%Y-%m-%d") + pl.duration(days=days, minutes=minutes)).to_series(),
        }
    )
    day = "%d-%m-%Y %H:%M"
    return frame.select(
        bericht_id=pl.format("post-{}", "number"),
        account=pl.format("acc-{}", "account"),
        campagne=pl.when(pl.col("campagne") < CAMPAIGNS).then(pl.format("cmp-{}", "campagne")),
        kanaal="kanaal",
        soort="soort",
        tekst=pl.concat_str("opening", pl.lit(" "), pl.col("number").cast(pl.String), pl.lit(". "), "ending", pl.lit(" "), "tags"),
        taal=pl.lit("nl"),
        hashtags=pl.col("tags").str.replace_all("#", "").str.replace_all(" ", ","),
        link=pl.format("https://shop.example/artikel/{}?utm_source=social&utm_medium=post&kleur=blauw", "number"),
        **{
            "aantal media": pl.col("aantal media").cast(pl.String),
            "status": pl.lit("published"),
            "geplaatst op": pl.col("at").dt.strftime(day),
            "aangemaakt op": (pl.col("at") - pl.duration(minutes=90)).dt.strftime(day),
            "auteur": pl.format("redactie{}@bench.example", "account"),
            "ai": pl.col("ai"),
        },
        at="at",
    )


def _measurements(rng: np.random.Generator, posts: pl.DataFrame) -> pl.DataFrame:
    rows = posts.height
    late = rng.integers(0, 60, rows)
    seen = rng.lognormal(7, 1, rows).astype("int64") + 100
    frame = posts.select("bericht_id", "at").with_columns(late=pl.Series(late), seen=pl.Series(seen), share=pl.Series(rng.random(rows)))
    counts = {"vind-ik-leuks": 0.08, "reacties": 0.01, "gedeeld": 0.008, "bewaard": 0.004, "kliks": 0.02, "videoweergaven": 0.5}
    return frame.select(
        bericht="bericht_id",
        **{
            "gemeten op": (pl.col("at") + pl.duration(hours=24, minutes="late")).dt.strftime("%d-%m-%Y %H:%M"),
            "uren": (24 + pl.col("late") / 60).round(2).cast(pl.String).str.replace(".", ",", literal=True),
            "weergaven": pl.col("seen").cast(pl.String),
            "bereik": (pl.col("seen") * 0.9).cast(pl.Int64).cast(pl.String),
            **{name: (pl.col("seen") * pl.col("share") * most).cast(pl.Int64).cast(pl.String) for name, most in counts.items()},
            "kijktijd": (pl.col("seen") * pl.col("share") * 2.5).round(1).cast(pl.String).str.replace(".", ",", literal=True),
            "nieuwe volgers": (pl.col("seen") * 0.001).cast(pl.Int64).cast(pl.String),
        },
    )


def _dirty(rng: np.random.Generator, fresh: pl.DataFrame, broken: dict[str, str]) -> pl.DataFrame:
    """The rows with some breaking their contract, then others again under the same key, in mixed order."""
    repeats = round(fresh.height * DUPLICATE_SHARE / (1 - DUPLICATE_SHARE))
    wrong = int((fresh.height + repeats) * BROKEN_SHARE)
    kinds = list(broken)
    frame = fresh.drop("at", strict=False).with_row_index("row")
    for i, (column, value) in enumerate(broken.items()):
        hit = (pl.col("row") < wrong) & (pl.col("row") % len(kinds) == i)
        frame = frame.with_columns(pl.when(hit).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))
    again = frame.slice(wrong, repeats)
    whole = pl.concat([frame, again]).drop("row")
    return whole[pl.Series(rng.permutation(whole.height))]


def _accounts() -> pl.DataFrame:
    names = range(ACCOUNTS)
    return pl.DataFrame(
        {
            "account_id": [f"acc-{i}" for i in names],
            "platform": [PLATFORMS[i % len(PLATFORMS)] for i in names],
            "handle": [f"bench_{i}" for i in names],
            "account_type": ["brand"] * ACCOUNTS,
            "timezone": ["Europe/Amsterdam"] * ACCOUNTS,
            "followers": [1000 + 37 * i for i in names],
            "last_synced_at": ["2024-12-31T08:00:00Z"] * ACCOUNTS,
        }
    )


def _campaigns() -> pl.DataFrame:
    names = range(CAMPAIGNS)
    return pl.DataFrame(
        {
            "campaign_id": [f"cmp-{i}" for i in names],
            "name": [f"Campagne {i}" for i in names],
            "objective": [["awareness", "traffic", "leads", "sales"][i % 4] for i in names],
            "budget": [f"{100 * (i + 1)}.00" for i in names],
            "currency": ["EUR"] * CAMPAIGNS,
            "start_date": ["2025-01-01"] * CAMPAIGNS,
        }
    )
