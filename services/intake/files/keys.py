"""Master keys: each file's own key is wrapped by one of them, named by its id (AES Key Wrap, RFC 3394).

The first key of the operator's file wraps the keys of new files; the others still open what they wrapped, until
`casebus keys rotate` has wrapped that again. Keys are never logged. The page is docs/attachments.md.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Self

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from contracts.values import dataclass

_LINE = re.compile(r"([a-z0-9][a-z0-9._-]{0,31})\s+(\S+)")
KEY_SIZE = 32


class WrongKeys(ValueError):
    """The key file cannot be used; the message is a sentence with the line, and never a key."""


class KeyUnknown(Exception):
    """The master key that wrapped a file's key is not in the key file, or has changed there."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A file's key as it is stored: wrapped, and by which master key."""

    by: str
    key: bytes


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """All master keys, by id; `current` wraps new keys."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The keys of a key file: a line each, an id and 32 random bytes in base64; the first one wraps.

        Empty lines and those that begin with # do not count. Raises `WrongKeys`.
        """
        keys: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise WrongKeys(f"Line {number} of the key file is not an id, a space and a key in base64.")
            id_, encoded = match.groups()
            if id_ in keys:
                raise WrongKeys(f"Line {number} of the key file has the id {id_} again.")
            try:
                keys[id_] = base64.b64decode(encoded, validate=True)
            except binascii.Error as error:
                raise WrongKeys(f"Line {number} of the key file: the key is not base64.") from error
            if len(keys[id_]) != KEY_SIZE:
                raise WrongKeys(f"Line {number} of the key file: a key has {KEY_SIZE} bytes, not {len(keys[id_])}.")
        if not keys:
            raise WrongKeys("The key file has no keys.")
        return cls(next(iter(keys)), keys)

    def wrap(self, key: bytes) -> Wrapped:
        """A file's key, wrapped by the current master key."""
        return self._wrap(key, self.current)

    def _wrap(self, key: bytes, by: str) -> Wrapped:
        return Wrapped(by, aes_key_wrap(self.keys[by], key))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """A file's key. Raises `KeyUnknown`."""
        master = self.keys.get(wrapped.by)
        if master is None:
            raise KeyUnknown(f"the key file has no key {wrapped.by}")
        try:
            return aes_key_unwrap(master, wrapped.key)
        except InvalidUnwrap as error:
            raise KeyUnknown(f"the key file's {wrapped.by} is not the key that wrapped this file") from error

    def rewrap(self, wrapped: Wrapped, by: str) -> Wrapped:
        """The same key wrapped by the master key `by`, which is one of these. Raises `KeyUnknown`."""
        return self._wrap(self.unwrap(wrapped), by)
