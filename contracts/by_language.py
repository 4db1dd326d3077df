"""What an operator's file says in several languages: a text, and the same for readers of others.

`ByLanguage` reads it from a decoded file. The page is docs/catalogue.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from marshmallow import ValidationError, fields

from contracts.languages import lookup, nearest
from contracts.values import dataclass

NO_LANGUAGE = "Must be a language tag such as en or pt-BR."


@dataclass(frozen=True, slots=True)
class Worded:
    """A text that people read. `others`: by language (BCP 47), for readers of these languages."""

    text: str
    others: Mapping[str, str] = field(default_factory=dict)

    def in_language(self, wanted: str | None) -> str:
        """The text for a reader of this language, or the nearest (`languages.lookup`); otherwise `text`."""
        found = None if wanted is None else lookup(self.others, wanted)
        return self.text if found is None else self.others[found]


class ByLanguage(fields.Field[dict[str, Any]]):
    """A mapping from languages, in any notation, to what the inner field takes; loads with the nearest tags as keys."""

    def __init__(self, inner: fields.Field[Any]) -> None:
        super().__init__(load_default=dict)
        self._inner = inner

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError("Must be a mapping from languages.")
        loaded: dict[str, Any] = {}
        faults: dict[Any, Any] = {}
        for written, inner in value.items():
            tag = nearest(written) if isinstance(written, str) else None
            try:
                if tag is None:
                    raise ValidationError(NO_LANGUAGE)
                if tag in loaded:
                    raise ValidationError(f"{tag} is there already.")
                loaded[tag] = self._inner.deserialize(inner)
            except ValidationError as error:
                faults[written] = error.messages
        if faults:
            raise ValidationError(faults)
        return loaded
