"""Synonyms of closed lists and codes, in English and Dutch; keys are lower case.

Only words that mean exactly one thing belong here. What stands in no table is left as it is and judged by the contract.
"""

from __future__ import annotations

PLATFORMS = {
    "twitter": "X",
    "x (twitter)": "X",
    "x/twitter": "X",
    "insta": "Instagram",
    "ig": "Instagram",
    "fb": "Facebook",
    "linked in": "LinkedIn",
    "tik tok": "TikTok",
    "you tube": "YouTube",
    "google ads": "Google",
    "adwords": "Google",
    "meta ads": "Meta",
    "facebook ads": "Meta",
    "linkedin ads": "LinkedIn",
    "tiktok ads": "TikTok",
    "x ads": "X",
}

VALUES: dict[str, dict[str, str]] = {
    "platform": PLATFORMS,
    "status": {
        "gepubliceerd": "published",
        "geplaatst": "published",
        "posted": "published",
        "live": "published",
        "ingepland": "scheduled",
        "gepland": "scheduled",
        "concept": "draft",
        "mislukt": "failed",
        "actief": "active",
        "gepauzeerd": "paused",
        "ingetrokken": "revoked",
    },
    "content_type": {
        "photo": "image",
        "foto": "image",
        "afbeelding": "image",
        "filmpje": "video",
        "carrousel": "carousel",
        "album": "carousel",
        "tekst": "text",
        "status": "text",
        "verhaal": "story",
        "reels": "reel",
    },
    "device": {
        "smartphone": "Mobile",
        "phone": "Mobile",
        "mobiel": "Mobile",
        "computer": "Desktop",
        "computers": "Desktop",
        "tablets": "Tablet",
        "connected tv": "TV",
        "tv screens": "TV",
        "overig": "Other",
    },
    "objective": {"bekendheid": "awareness", "verkeer": "traffic", "verkoop": "sales", "conversions": "sales", "lead generation": "leads"},
    "trigger": {"schedule": "cron", "scheduled": "cron", "handmatig": "manual"},
    "account_type": {"merk": "brand", "persoonlijk": "personal", "concurrent": "competitor"},
}

COUNTRIES = {
    "nederland": "NL",
    "the netherlands": "NL",
    "netherlands": "NL",
    "holland": "NL",
    "belgië": "BE",
    "belgie": "BE",
    "belgium": "BE",
    "duitsland": "DE",
    "germany": "DE",
    "deutschland": "DE",
    "frankrijk": "FR",
    "france": "FR",
    "luxemburg": "LU",
    "luxembourg": "LU",
    "verenigd koninkrijk": "GB",
    "united kingdom": "GB",
    "uk": "GB",
    "spanje": "ES",
    "spain": "ES",
    "italië": "IT",
    "italy": "IT",
    "verenigde staten": "US",
    "united states": "US",
    "usa": "US",
    "namibia": "NA",
    "namibië": "NA",
}

LANGUAGES = {
    "nederlands": "nl",
    "dutch": "nl",
    "engels": "en",
    "english": "en",
    "frans": "fr",
    "french": "fr",
    "duits": "de",
    "german": "de",
    "nl-nl": "nl",
    "nl-be": "nl",
    "en-gb": "en",
    "en-us": "en",
}

CURRENCIES = {"€": "EUR", "euro": "EUR", "$": "USD", "£": "GBP", "pond": "GBP"}

CODES: dict[str, tuple[dict[str, str], str]] = {
    "country": (COUNTRIES, "upper"),
    "ship_country": (COUNTRIES, "upper"),
    "region": (COUNTRIES, "upper"),
    "language": (LANGUAGES, "lower"),
    "currency": (CURRENCIES, "upper"),
}
"""Columns that hold codes: their synonyms and the case of a code."""
