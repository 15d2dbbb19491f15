"""Accounts, campaigns and posts: the brand's own and those of its competitors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from generator import texts
from generator.records import Findings, Sample, iso, mixed, rng_for, to_utc

if TYPE_CHECKING:
    import random

    from generator.records import Record, Row


@dataclass(frozen=True)
class Account:
    """One social account as the story knows it."""

    id: str
    platform: str
    written: str
    handle: str
    name: str
    kind: str
    country: str
    language: str
    followers: int


@dataclass(frozen=True)
class Post:
    """One published post as the models of `measurements` need it."""

    id: str
    account: Account
    kind: str
    text: str
    published: datetime


_ACCOUNTS = (
    ("acc-01", "Instagram", "Instagram", "zwaluwdoos", "Zwaluwdoos", "brand", "NL", "nl", 18400),
    ("acc-02", "LinkedIn", "LinkedIn", "zwaluwdoos-nl", "Zwaluwdoos", "brand", "NL", "nl", 9250),
    ("acc-03", "Facebook", "Facebook", "zwaluwdoos", "Zwaluwdoos Webshops", "brand", "NL", "nl", 12100),
    ("acc-04", "X", "Twitter", "zwaluwdoos", "Zwaluwdoos", "brand", "NL", "nl", 3120),
    ("acc-05", "Instagram", "instagram", "zwaluwdoos.be", "Zwaluwdoos België", "brand", "BE", "nl", 7400),
    ("acc-06", "Facebook", "Facebook", "zwaluwdoos.international", "Zwaluwdoos International", "brand", "BE", "en", 5300),
    ("acc-07", "LinkedIn", "LinkedIn", "zwaluwdoos-be", "Zwaluwdoos België", "brand", "BE", "nl", 4150),
    ("acc-08", "X", "twitter", "zwaluwdoos_be", "Zwaluwdoos België", "brand", "BE", "nl", 1480),
    ("acc-09", "LinkedIn", "LinkedIn", "zwaluwdoos-fulfilment", "Zwaluwdoos Fulfilment", "brand", "NL", "en", 6800),
    ("acc-10", "X", "X", "zwaluwdoos_3pl", "Zwaluwdoos Fulfilment", "brand", "NL", "en", 2250),
    ("acc-11", "LinkedIn", "LinkedIn", "noor-voorbeeld", "Noor Voorbeeld", "personal", "NL", "en", 3900),
    ("acc-12", "LinkedIn", "linkedin", "bram-testman", "Bram Testman", "personal", "BE", "nl", 2700),
    ("acc-13", "Instagram", "Instagram", "noor.voorbeeld", "Noor Voorbeeld", "personal", "NL", "en", 5100),
    ("acc-14", "X", "Twitter", "bramtestman", "Bram Testman", "personal", "BE", "en", 1900),
    ("acc-51", "Instagram", "Instagram", "dommelbes", "Pakkerij Dommelbes", "competitor", "NL", "nl", 22400),
    ("acc-52", "LinkedIn", "LinkedIn", "vlotlaag", "Vlotlaag Depots", "competitor", "BE", "en", 14200),
    ("acc-53", "Facebook", "Facebook", "kistwiek", "Kistwiek", "competitor", "NL", "nl", 16900),
    ("acc-54", "X", "twitter", "snelbaal", "Snelbaal", "competitor", "BE", "en", 8300),
)
ACCOUNTS = {row[0]: Account(*row) for row in _ACCOUNTS}
UNKNOWN_CAMPAIGN = "CMP-99"
"""A campaign that a post names and that does not exist."""
CAMPAIGN_DAYS = {
    "CMP-01": ("Zomerdeals 2026", "04-07-2026", "31-08-2026"),
    "CMP-02": ("Altijd vindbaar", "04-07-2026", "31-10-2026"),
    "CMP-03": ("Fulfilment Webinar", "04-07-2026", "31-08-2026"),
    "CMP-04": ("Back to Stock", "01-09-2026", "30-09-2026"),
    "CMP-05": ("Herfstdeals 2026", "01-10-2026", "31-10-2026"),
    "CMP-06": ("Groene Verzending", "01-09-2026", "31-10-2026"),
}


def accounts() -> Sample:
    """18 accounts; figures are texts, written "18,400", "18400" or "18.4k"."""
    rng, sample = rng_for("accounts"), Sample("accounts.json", "social_accounts", ("id",), "numbers 18,400 or 18.4k; ISO times")
    for a in ACCOUNTS.values():
        followers = rng.choice([f"{a.followers:,}", str(a.followers), f"{a.followers / 1000:g}k"])
        connected = None if a.kind == "competitor" else datetime(2026, 1, 5, 9) + timedelta(days=rng.randrange(120))
        sample.add(
            {
                "id": a.id,
                "network": a.written,
                "handle": a.handle,
                "display_name": a.name,
                "kind": a.kind,
                "country": a.country,
                "language": a.language,
                "timezone": "Europe/Brussels" if a.country == "BE" else "Europe/Amsterdam",
                "currency": "EUR",
                "followers": followers,
                "following": str(rng.randrange(120, 900)),
                "posts": f"{rng.randrange(80, 2400):,}",
                "verified": rng.choice(["yes", "no", "true", "false"]),
                "status": "paused" if a.id == "acc-14" else "active",
                "connected_at": iso(connected),
                "synced_at": iso(datetime(2026, 10, 31, 4, rng.randrange(60))),
            }
        )
    sample.repeat([4])
    sample.restate([8], lambda row: {"followers": "6,710", "country": None, "synced_at": "2026-09-30T04:05:00Z"})
    sample.break_with("minimum:followers", {"id": "acc-91", "handle": "zwaluwdoos.test", "followers": "-5"})
    sample.break_with("not_null:platform", {"id": "acc-92", "handle": "zwaluwdoos.oud", "network": None}, 1)
    sample.break_with("values:account_type", {"id": "acc-93", "handle": "zwaluwdoos.fan", "kind": "fanclub"}, 2)
    return sample


def campaigns() -> Sample:
    """Six campaigns as people keep them in a sheet."""
    sample = Sample("campaigns.xlsx", "campaigns", ("Campagne-id",), "sheet Campagnes; € 12.500,00; dd-mm-yyyy; all cells text")
    facts = {
        "CMP-01": ("sales", "Instagram; Facebook", "€ 12.500,00", "Webshops NL"),
        "CMP-02": ("traffic", "LinkedIn; Twitter", "€ 9.000,00", ""),
        "CMP-03": ("leads", "LinkedIn", "€ 6.750,50", "Oprichters van webshops"),
        "CMP-04": ("sales", "Instagram; Facebook", "8.000", "Consumenten BE"),
        "CMP-05": ("sales", "Instagram; Facebook; X", "€ 15.000,00", "Consumenten NL & BE"),
        "CMP-06": ("awareness", "LinkedIn; Instagram", "€ 4.250,00", "Iedereen"),
    }
    for id_, (objective, platforms, budget, audience) in facts.items():
        name, start, end = CAMPAIGN_DAYS[id_]
        sample.add(
            {
                "Campagne-id": id_,
                "Naam": name,
                "Doel": objective,
                "Status": "running" if end.endswith("31-10-2026") else "ended",
                "Kanalen": platforms,
                "Budget": budget,
                "Valuta": "EUR",
                "Startdatum": start if id_ != "CMP-06" else "2026-09-01",
                "Einddatum": end,
                "Doelgroep": audience,
                "Eigenaar": ("noor" if id_ < "CMP-04" else "bram") + "@example.nl",
            }
        )
    sample.repeat([1])
    sample.restate([4], lambda row: {"Budget": "", "Doelgroep": ""})
    sample.break_with("start_not_after_end", {"Campagne-id": "CMP-90", "Naam": "Omgekeerd", "Startdatum": "15-09-2026", "Einddatum": "01-09-2026"})
    sample.break_with("cast:budget", {"Campagne-id": "CMP-91", "Naam": "Zonder bedrag", "Budget": "nader te bepalen"}, 2)
    sample.break_with("values:objective", {"Campagne-id": "CMP-92", "Naam": "Beroemd worden", "Doel": "fame"}, 5)
    return sample


def _tracked(rng: random.Random, path: str, platform: str, campaign: str) -> str:
    tags = f"utm_source={platform.lower()}&utm_medium=social" + (f"&utm_campaign={campaign.lower()}" if campaign else "")
    return f"https://www.example.nl/{path}?{tags}" + ("&fbclid=DEMO123" if rng.random() < 0.2 else "")


def campaigns_at(moment: datetime) -> list[str]:
    """Campaigns that run at that moment."""
    return [
        campaign
        for campaign, (_, start, end) in CAMPAIGN_DAYS.items()
        if datetime.strptime(start, "%d-%m-%Y") <= moment < datetime.strptime(end, "%d-%m-%Y") + timedelta(days=1)
    ]


def _other_wording(text: str) -> str:
    """The same text as the second channel writes it: other hashtags, first words in capitals."""
    body = re.sub(r"\s#\w+", "", text)
    first, rest = body.split(" ", 2)[:2], body.split(" ", 2)[2]
    return f"{' '.join(first).upper()} {rest} #zwaluwdoos"


def _own_row(rng: random.Random, post: Post, campaign: str, *, scheduled: bool = False) -> Row:
    created = post.published - timedelta(hours=rng.randrange(3, 90))
    ai = rng.random() < 0.3
    return {
        "bericht_id": post.id,
        "account": post.account.id,
        "campagne": campaign,
        "kanaal": post.account.written,
        "soort": post.kind,
        "tekst": post.text,
        "taal": post.account.language,
        "hashtags": ", ".join(re.findall(r"#(\w+)", re.sub(r"&#\d+;", "", post.text))),
        "link": _tracked(rng, f"blog/{post.id.lower()}", post.account.platform, campaign) if rng.random() < 0.8 else "",
        "aantal media": {"text": 0, "link": 0, "carousel": rng.randrange(3, 8)}.get(post.kind, 1),
        "status": "scheduled" if scheduled else "published",
        "gepland op": mixed(rng, post.published),
        "geplaatst op": "" if scheduled else mixed(rng, post.published),
        "aangemaakt op": mixed(rng, created),
        "auteur": rng.choice(["noor@example.nl", "bram@example.nl", "redactie@example.com"]),
        "ai": "ja" if ai else "nee",
        "prompt": "v3" if ai else "",
    }


def _kind(rng: random.Random, platform: str) -> str:
    return rng.choice(
        {
            "Instagram": ["image", "carousel", "reel", "video"],
            "LinkedIn": ["text", "link", "image", "video"],
            "Facebook": ["image", "link", "video"],
            "X": ["text", "link", "image"],
        }[platform]
    )


def _moment(rng: random.Random, day: datetime) -> datetime:
    return to_utc(day.replace(hour=rng.choice([7, 8, 9, 10, 12, 13, 15, 17, 19, 20]), minute=rng.randrange(60)))


def own_posts(findings: Findings) -> tuple[Sample, list[Post]]:
    """48 posts: 40 texts, eight of them on a second platform; the last three are only scheduled."""
    rng = rng_for("own_posts")
    sample = Sample("posts_nl.csv", "content_posts", ("bericht_id",), "delimiter ;, cp1252; dd-mm-yyyy HH:MM Europe/Amsterdam or ISO; ja/nee")
    by_language = {k: [a for a in ACCOUNTS.values() if a.kind != "competitor" and a.language == k] for k in ("nl", "en")}
    plan = [(k, i, t) for i in range(20) for k, t in (("nl", texts.OWN_NL[i]), ("en", texts.OWN_EN[i]))]
    posts: list[Post] = []
    for number, (language, index, text) in enumerate(plan):
        scheduled = number >= len(plan) - 3
        day = datetime(2026, 11, 3 + number - 37) if scheduled else datetime(2026, 7, 6) + timedelta(days=number * 2.9)
        account = by_language[language][(index * 3 + rng.randrange(2)) % len(by_language[language])]
        post = Post(f"ZD-{len(sample.records) + 1:04d}", account, _kind(rng, account.platform), text, _moment(rng, day.replace(hour=0, minute=0)))
        sample.add(_own_row(rng, post, rng.choice([*campaigns_at(post.published), ""]), scheduled=scheduled))
        if scheduled:
            continue
        posts.append(post)
        if index in texts.CROSS_POSTED[language]:
            second = next(a for a in by_language[language][index % 3 :] if a.platform != account.platform)
            later = post.published + timedelta(hours=rng.randrange(2, 7), minutes=rng.randrange(60))
            copy = Post(f"ZD-{len(sample.records) + 1:04d}", second, _kind(rng, second.platform), _other_wording(text), later)
            sample.add(_own_row(rng, copy, sample.records[-1].values["campagne"]))
            posts.append(copy)
            findings.cross_posts.append([post.id, copy.id])
    _own_dirt(sample, findings)
    return sample, posts


def _own_dirt(sample: Sample, findings: Findings) -> None:
    def touch(index: int, **values: str) -> Record:
        sample.records[index].values.update(values)
        return sample.records[index]

    texts_of = [r.values["tekst"] for r in sample.records]
    touch(7, tekst=f"  {texts_of[7]}  ")
    touch(12, tekst=texts_of[12].replace(" ", "  ", 3), taal="")
    touch(20, taal="", hashtags="")
    for index, extra, label in (
        (5, " Vragen? Mail pers@example.com", "EMAIL"),
        (15, " Bel 06-12345678 voor een afspraak.", "PHONE"),
        (27, " Mail noor@example.nl", "EMAIL"),
    ):
        Findings.note(findings.personal, "content_posts.text", label, touch(index, tekst=texts_of[index] + extra).values["bericht_id"])
    dangling = touch(30, campagne=UNKNOWN_CAMPAIGN).values["bericht_id"]
    Findings.note(findings.flagged, "content_posts", "reference:campaign_id", dangling)
    late = touch(33, **{"aangemaakt op": "31-10-2026 09:00"}).values["bericht_id"]
    Findings.note(findings.flagged, "content_posts", "created_before_published", late)
    sample.repeat([3, 18, 40])
    sample.restate([10, 25], lambda row: {"campagne": "", "taal": "", "link": "", "auteur": ""})
    sample.break_with("published_has_a_date", {"bericht_id": "ZD-9001", "geplaatst op": ""}, 1)
    sample.break_with("values:content_type", {"bericht_id": "ZD-9002", "soort": "gif"}, 6)
    sample.break_with("cast:media_count", {"bericht_id": "ZD-9003", "aantal media": "twee"}, 9)
    sample.break_with("cast:published_at", {"bericht_id": "ZD-9004", "geplaatst op": "08/24/2026 3:15 PM"}, 14)
    sample.break_with("values:platform", {"bericht_id": "ZD-9005", "kanaal": "Plaatjesplein"}, 16)
    sample.break_with("not_null:account_id", {"bericht_id": "ZD-9006", "account": ""}, 22)


def _competitor_texts(findings: Findings) -> list[tuple[str, str]]:
    """(language, text) of 200 posts; look-alikes are named by the place of their posts."""
    found: list[tuple[str, str]] = []

    def pair(language: str, first: str, second: str) -> list[str]:
        found.extend([(language, first), (language, second)])
        return [f"CP-{len(found) - 1:04d}", f"CP-{len(found):04d}"]

    for language, text, right, wrong in texts.TYPO_SEEDS:
        findings.near_duplicates.setdefault("typo", []).append(pair(language, text, text.replace(right, wrong)))
    for language, text, length in texts.TRUNCATED_SEEDS:
        findings.near_duplicates.setdefault("truncated", []).append(pair(language, text, text[:length].rstrip() + "…"))
    for language, text in texts.REPOST_SEEDS:
        findings.near_duplicates.setdefault("repost", []).append(pair(language, text, f"RT @snelbaal: {text}"))
    findings.paraphrases.extend(pair(*row) for row in texts.PARAPHRASES)
    findings.hard_negatives.extend(pair(*row) for row in texts.HARD_NEGATIVES)
    for number in range(200 - len(found)):
        language, (i, j) = ("nl", "en")[number % 2], divmod(number // 2, 10)
        parts = (texts.OPENINGS[language][i], texts.BODIES[language][j], texts.CLOSINGS[language][(i + j) % 10])
        found.append((language, " ".join(parts).replace("collega's", "collega&#39;s" if number % 3 else "collega's")))
    return found


def competitor_posts(findings: Findings) -> tuple[Sample, list[Post]]:
    """200 posts of four competitors, as a crawler writes them."""
    rng = rng_for("competitor_posts")
    sample = Sample("competitor_posts.jsonl", "content_posts", ("id",), "ISO 8601 UTC")
    by_language = {k: [a for a in ACCOUNTS.values() if a.kind == "competitor" and a.language == k] for k in ("nl", "en")}
    posts = []
    days = [rng.random() * 113 for _ in range(200)]
    for number, (language, text) in enumerate(_competitor_texts(findings)):
        account = rng.choice(by_language[language])
        published = _moment(rng, (datetime(2026, 7, 2) + timedelta(days=days[number])).replace(hour=0, minute=0, second=0, microsecond=0))
        post = Post(f"CP-{number + 1:04d}", account, _kind(rng, account.platform), text, published)
        posts.append(post)
        link = f"https://shop.example.com/{number}?utm_source={account.platform.lower()}" if rng.random() < 0.1 else None
        sample.add(
            {
                "id": post.id,
                "account": account.id,
                "network": account.written,
                "type": post.kind,
                "caption": text,
                "lang": None if rng.random() < 0.1 else language,
                "link": link,
                "media": 0 if post.kind in ("text", "link") else 1,
                "posted_at": iso(published),
            }
        )
    sample.repeat([60, 97, 150])
    sample.restate([70, 111, 171], lambda row: {"lang": None, "link": None, "media": None})
    sample.break_with("published_has_a_date", {"id": "CP-9001", "posted_at": None}, 65)
    sample.break_with("published_has_a_date", {"id": "CP-9002", "posted_at": None}, 66)
    sample.break_with("not_null:platform", {"id": "CP-9003", "network": None}, 67)
    sample.break_with("minimum:media_count", {"id": "CP-9004", "media": -1}, 68)
    sample.break_with("values:content_type", {"id": "CP-9005", "type": "poll"}, 69)
    return sample, posts
