"""Which addresses may be talked to: public ones, whatever form they hide in; private ones only where the installation says so."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seeding_platform.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
LONGEST_URL = 2000


class AddressRefused(ConfigError):
    """An address that must not be talked to; what was refused is said without its path, which may hold a secret."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes.

    Args:
        scheme: https, or http where that is allowed.
        host: name or number, as it was written.
        port: of the server.
        target: path and query.
    """

    scheme: str
    host: str
    port: int
    target: str


def place_of(url: str, *, private: bool) -> Place:
    """The parts of a URL that may be asked.

    Args:
        url: absolute.
        private: whether plain http and private addresses are allowed.

    Raises:
        AddressRefused: it is no such URL, names a user, or is a private address as a number.

    >>> place_of("https://hooks.example.org/a?b=1", private=False)
    Place(scheme='https', host='hooks.example.org', port=443, target='/a?b=1')
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefused("The address cannot be read.", fix="Give a URL such as https://example.org/path.") from error
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > LONGEST_URL:
        raise AddressRefused("The address cannot be read.", fix=f"Give a URL of at most {LONGEST_URL} plain characters, without spaces.")
    if parts.scheme not in (("https", "http") if private else ("https",)) or not host:
        raise AddressRefused("Only https addresses are talked to.", fix="Give a URL such as https://example.org/path.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused(f"The address at {host} names a user or a fragment.", fix="Leave them out.")
    try:
        number: Address | None = ipaddress.ip_address(host)
    except ValueError:
        number = None  # a name: looked up when it is asked
    if number is not None and not private and not is_public(number):
        raise _private(host)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def checked_addresses(host: str, port: int, *, private: bool, lookup: Callable[[str, int], list[str]] | None = None) -> list[str]:
    """The numbers of a host, looked up once; every one of them may be talked to.

    Raises:
        AddressRefused: one of them is private.
        TransientError: there is none.
    """
    try:
        found = (lookup or _looked_up)(host, port)
    except OSError as error:
        raise TransientError(f"{host} has no address now.", fix="Check the name; it is asked again later.") from error
    if not private and not all(is_public(ipaddress.ip_address(number.partition("%")[0])) for number in found):
        raise _private(host)
    return found


def is_public(number: Address) -> bool:
    """Whether an address is one of the public internet, also when it hides in an IPv6 form of an IPv4 address.

    >>> [is_public(ipaddress.ip_address(n)) for n in ("93.184.216.34", "127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "169.254.169.254")]
    [True, False, False, False, False]
    """
    inner = _inside(number)
    if inner is not None:
        return is_public(inner)
    return number.is_global and not number.is_multicast and not number.is_reserved


def _inside(number: Address) -> Address | None:
    """The IPv4 address within an IPv6 one that stands for it."""
    if isinstance(number, ipaddress.IPv4Address):
        return None
    if number.ipv4_mapped is not None:
        return number.ipv4_mapped
    if number.sixtofour is not None:
        return number.sixtofour
    if number.teredo is not None:
        return ipaddress.IPv4Address("0.0.0.0")  # noqa: S104  a tunnel through somebody else: never public
    if any(number in net for net in NAT64) or int(number) >> 32 == 0:
        return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    return None


def _looked_up(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def _private(host: str) -> AddressRefused:
    return AddressRefused(
        f"{host} is an address inside a private network.", fix="Give a public address, or allow private ones with SEEDING_PRIVATE_ADDRESSES=true."
    )
