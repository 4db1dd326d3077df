"""Whose certificates an outgoing connection trusts: the system's authorities, or those that the operator names.

Every TLS connection of the desk checks chain, name and dates. A URL names other authorities in its query, as RabbitMQ's
URIs do (`?cacertfile=`; MongoDB's own word is `tlsCAFile`); settings.py writes it there. The page is
docs/deployment.md.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

AUTHORITIES = "cacertfile"
"""The query parameter of a URL. Source: RabbitMQ's URI query parameters."""

_TLS_SCHEMES = frozenset({"amqps", "https", "smtps", "tls"})
MONGODB = ("mongodb://", "mongodb+srv://")
"""The beginnings of its URLs. They may name several hosts; where an IPv6 address follows another, urllib takes them for
one wrong host."""

_TLS_OF_MONGODB = frozenset({"tls", "ssl"})
"""Two names of one option, in any case."""


def trusting(authorities: str | Path | None = None) -> ssl.SSLContext:
    """A context that trusts only these authorities (a PEM file), or the system's.

    Raises ValueError, worded to follow the setting's name, for a file that holds no certificates.
    """
    try:
        return ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    except OSError as error:  # among them ssl.SSLError
        raise ValueError(f"names no readable file of PEM certificates: {authorities}") from error


def with_authorities(url: str, authorities: str) -> str:
    """The URL, with the name of this PEM file. Raises ValueError, worded like that of `trusting`, for a URL without TLS
    and for something that is not a URL."""
    trusting(authorities)
    return _of_mongodb(url, authorities) if url.startswith(MONGODB) else _of_others(url, authorities)


def _of_mongodb(url: str, authorities: str) -> str:
    address, _, query = url.partition("?")
    between = "&" if "&" in query else ";"
    options = [option.partition("=") for option in query.split(between) if option]
    if off := [option for option in options if option[0].lower() in _TLS_OF_MONGODB and option[2].lower() == "false"]:
        raise ValueError(f"is of no use: its URL says {''.join(off[0])}")
    path = "" if "/" in address.partition("://")[2] else "/"
    # It implies tls=true. The other options stay as they are, letter by letter: they may come twice, and not all may be
    # quoted.
    return f"{address}{path}?{_query(options, 'tlsCAFile', authorities, between)}"


def _of_others(url: str, authorities: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # its words may repeat the password
        raise ValueError("cannot be used: its URL is malformed") from None
    options = [option.partition("=") for option in parts.query.split("&") if option]
    if parts.scheme not in _TLS_SCHEMES and (parts.scheme != "smtp" or ("starttls", "=", "required") not in options):
        raise ValueError("is of no use: its URL does not ask for TLS")
    return parts._replace(query=_query(options, AUTHORITIES, authorities, "&")).geturl()


def _query(options: Iterable[tuple[str, str, str]], parameter: str, authorities: str, between: str) -> str:
    kept = ["".join(option) for option in options if option[0].lower() != parameter.lower()]
    return between.join([*kept, f"{parameter}={quote(authorities, safe='/')}"])


def authorities_of(query: str) -> str | None:
    """The PEM file that the query of a URL names, if any."""
    return dict(parse_qsl(query)).get(AUTHORITIES)
