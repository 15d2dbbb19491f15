"""Where somebody's device is: IP and MAC addresses, coordinates."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from seeding_platform.governance.pii.spans import CERTAIN, LIKELY, POSSIBLE, Finder, Span, after, before
from seeding_platform.governance.pii.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

_V4 = re.compile(r"(?<![\w.])(?<![0-9],)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w])(?!\.[0-9])")
_V6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:)[0-9A-Fa-f:]{2,39}(?:(?<=:)(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![\w:])")
_VERSIONED = words("versioned")
_SOFTWARE, _NAMED_DEVICE = words("software"), words("device_named")
_SMALL = 32  # version numbers are small; most addresses are not


def ip_addresses(text: str) -> Iterator[Span]:
    """Addresses of version 4 and 6; version numbers and numbered chapters are none."""
    for found in _V4.finditer(text):
        parts, told = found[0].split("."), before(text, found.start(), 24)
        impossible = any(int(p) > 255 or (len(p) > 1 and p[0] == "0") for p in parts) or parts[0] in ("0", "127", "255")
        if impossible or _VERSIONED.search(told) or told.endswith("=="):
            continue
        if all(int(p) < _SMALL for p in parts) and _SOFTWARE.search(text.lower()) and not _NAMED_DEVICE.search(told):
            continue
        yield Span(found.start(), found.end(), "IP_ADDRESS", LIKELY)
    for found in _V6.finditer(text):
        shown = found[0].rstrip(":") if not found[0].endswith("::") else found[0]
        if ("::" not in shown and shown.count(":") != 7) or len(re.findall(r"[0-9A-Fa-f]+", shown)) < (
            2 if "::" in shown and shown[:2] != "::" else 1
        ):
            continue
        try:
            ipaddress.IPv6Address(shown)
        except ValueError:
            continue
        yield Span(found.start(), found.start() + len(shown), "IP_ADDRESS", CERTAIN)


_MAC = re.compile(
    r"(?<![0-9A-Za-z:.-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z])(?![:.-][0-9A-Fa-f])"
)


_BARE_MAC = re.compile(r"(?<![0-9A-Za-z-])[0-9A-Fa-f]{12}(?![0-9A-Za-z-])")
_DEVICE = words("device")


def mac_addresses(text: str) -> Iterator[Span]:
    """Hardware addresses in the usual forms; digits alone, or no signs between them, only where the text speaks of one."""
    for found in _MAC.finditer(text):
        if re.search(r"[A-Fa-f]", found[0]) or _near_device(text, found):
            yield Span(found.start(), found.end(), "MAC_ADDRESS", CERTAIN)
    for found in _BARE_MAC.finditer(text):
        if _near_device(text, found):
            yield Span(found.start(), found.end(), "MAC_ADDRESS", LIKELY)


def _near_device(text: str, found: re.Match[str]) -> bool:
    return bool(_DEVICE.search(before(text, found.start(), 30)) or _DEVICE.search(after(text, found.end(), 20)))


_DEGREES = r"[-+−]?[0-9]{1,3}[.,][0-9]{3,15}"
_GEO = re.compile(
    rf"(?:(?<![\w.,€$£])|(?<=\b[NSns]))(?<![0-9], )(?<![0-9]; )(?P<lat>{_DEGREES})[ ]?°?[ ]?(?P<ns>[NSns]\b)?"
    r"(?P<between>[\s,;/|&\"'°]{1,6}"
    r"|[\s,;/|&\"'}{]{0,6}(?:lon|lng|long|longitude|lengtegraad|länge|lengte|oosterlengte|x|y|en|and|et|und|by)[\"'=:\s]{1,8})"
    rf"(?:[EWOewo][ ]?)?(?P<lon>{_DEGREES})(?![0-9])(?!\.[0-9])(?!,[0-9]+(?![0-9]*z))(?![,;][ ]?[-+]?[0-9]+[.,][0-9])"
    r"(?![ ]?(?:€|%|eur|kg|km|m|cm|mm|sec|s)\b)",
    re.IGNORECASE,
)
_PLACED = words("placed")
_DMS = r"[0-9]{1,3}[ ]?°[ ]?[0-9]{1,2}(?:[.,][0-9]{1,5})?[ ]?['′’](?:[ ]?[0-9]{1,2}(?:[.,][0-9]{1,4})?[ ]?(?:[\"″”]|''|′′))?"
_DEGREES_MINUTES = re.compile(rf"(?<![\w°])(?:[NSZ][ ]?{_DMS}[ ,;/]{{1,4}}[EWO][ ]?{_DMS}|{_DMS}[ ]?[NSZ][ ,;/]{{0,4}}{_DMS}[ ]?[EWO](?![A-Za-z]))")


def coordinates(text: str) -> Iterator[Span]:
    """A latitude and a longitude with three decimals or more, as one span; thousands with points are none."""
    for found in _DEGREES_MINUTES.finditer(text):
        yield Span(found.start(), found.end(), "GEO", CERTAIN)
    for found in _GEO.finditer(text):
        lat, lon = (found[g].replace(",", ".").replace("−", "-") for g in ("lat", "lon"))
        if abs(float(lat)) > 90 or abs(float(lon)) > 180:
            continue
        between = found["between"]
        spoken = bool(found["ns"]) or "°" in found[0] or len(between.strip(" ,;/|&\"'")) > 2
        placed = spoken or bool(_PLACED.search(before(text, found.start(), 50)))
        parted = "," in between or ("." in found["lat"] and "/" not in between)
        fine = parted and min(len(lat.partition(".")[2]), len(lon.partition(".")[2])) >= 4
        if placed or fine:
            yield Span(found.start("lat"), found.end("lon"), "GEO", LIKELY if placed else POSSIBLE)


FINDERS = (
    Finder("IP_ADDRESS", r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:", ip_addresses),
    Finder("MAC_ADDRESS", r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.|[0-9A-Fa-f]{12}", mac_addresses),
    Finder("GEO", r"[0-9][.,][0-9]{3}[^\n]*[0-9][.,][0-9]{3}|[0-9] ?\x{b0} ?[0-9]", coordinates),
)
