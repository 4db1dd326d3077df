"""Whose certificates an outgoing connection believes: the system's authorities, or those that the operator names.

Every connection of the desk that speaks TLS checks chain, name and dates. A URL names other authorities in its query,
as RabbitMQ's URIs do (`?cacertfile=`; MongoDB's own word is `tlsCAFile`); settings.py writes it there. The page is
docs/deployment.md.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

AUTHORITIES = "cacertfile"
"""The query parameter of a URL. Source: RabbitMQ's URI query parameters."""

_TLS_SCHEMES = frozenset({"amqps", "https", "smtps", "tls"})
_MONGODB = frozenset({"mongodb", "mongodb+srv"})
_TLS_OF_MONGODB = frozenset({"tls", "ssl"})
"""Two names of one option, in any case."""


def trusting(authorities: str | Path | None = None) -> ssl.SSLContext:
    """A context that believes these authorities alone (a PEM file), or the system's.

    Raises ValueError, worded to follow the setting's name, for a file that holds no certificates.
    """
    try:
        return ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    except OSError as error:  # ssl.SSLError among them
        raise ValueError(f"names no readable file of PEM certificates: {authorities}") from error


def with_authorities(url: str, authorities: str) -> str:
    """The URL, naming this PEM file. Raises ValueError, worded as `trusting` does, for a URL without TLS,
    and for what is no URL."""
    trusting(authorities)
    try:
        parts = urlsplit(url)
    except ValueError:  # whose words may repeat the password
        raise ValueError("is of no use: its URL is none") from None
    is_mongodb = parts.scheme in _MONGODB
    parameter = "tlsCAFile" if is_mongodb else AUTHORITIES  # MongoDB's implies tls=true
    # The other options stay to the letter: MongoDB's may be there twice, and not all of them may be quoted.
    between = ";" if is_mongodb and "&" not in parts.query else "&"
    options = [one.partition("=") for one in parts.query.split(between) if one]
    if is_mongodb:
        if off := [one for one in options if one[0].lower() in _TLS_OF_MONGODB and one[2].lower() == "false"]:
            raise ValueError(f"is of no use: its URL says {''.join(off[0])}")
    elif parts.scheme not in _TLS_SCHEMES and (parts.scheme != "smtp" or ("starttls", "=", "required") not in options):
        raise ValueError("is of no use: its URL does not ask for TLS")
    kept = ["".join(one) for one in options if one[0].lower() != parameter.lower()]
    path = parts.path or ("/" if is_mongodb else "")
    query = between.join([*kept, f"{parameter}={quote(authorities, safe='/')}"])
    return parts._replace(path=path, query=query).geturl()


def authorities_of(query: str) -> str | None:
    """The PEM file that the query of a URL names, if it names one."""
    return dict(parse_qsl(query)).get(AUTHORITIES)
