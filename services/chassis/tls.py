"""Whose certificates an outgoing connection believes: the system's authorities, or those that the operator names.

Every connection of the desk that speaks TLS checks chain, name and dates. A URL names other authorities in its query,
as RabbitMQ's URIs do (`?cacertfile=`; MongoDB's own word is `tlsCAFile`); settings.py writes it there. The page is
docs/deployment.md.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

AUTHORITIES = "cacertfile"
"""The query parameter of a URL. Source: RabbitMQ's URI query parameters."""

_TLS_SCHEMES = frozenset({"amqps", "https", "smtps", "tls"})
_MONGODB = frozenset({"mongodb", "mongodb+srv"})


def trusting(authorities: str | Path | None = None) -> ssl.SSLContext:
    """A context that believes these authorities alone (a PEM file), or the system's.

    Raises ValueError, worded to follow the setting's name, for a file that holds no certificates.
    """
    try:
        return ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    except OSError as error:  # ssl.SSLError among them
        raise ValueError(f"names no readable file of PEM certificates: {authorities}") from error


def with_authorities(url: str, authorities: str) -> str:
    """The URL, naming this PEM file. Raises ValueError, worded as `trusting` does, for a URL without TLS."""
    trusting(authorities)
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme in _MONGODB:
        if options.get("tls") == "false":
            raise ValueError("is of no use: its URL says tls=false")
        options["tlsCAFile"] = authorities  # it implies tls=true
    elif parts.scheme in _TLS_SCHEMES or (parts.scheme == "smtp" and options.get("starttls") == "required"):
        options[AUTHORITIES] = authorities
    else:
        raise ValueError("is of no use: its URL does not ask for TLS")
    path = parts.path or ("/" if parts.scheme in _MONGODB else "")
    return parts._replace(path=path, query=urlencode(options)).geturl()


def authorities_of(query: str) -> str | None:
    """The PEM file that the query of a URL names, if it names one."""
    return dict(parse_qsl(query)).get(AUTHORITIES)
