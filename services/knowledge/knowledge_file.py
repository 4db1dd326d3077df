"""Reads the operator's file of the knowledge base; a mistake is reported with its file, line and field.

It names the desk's own language, the categories that only articles have, and words that mean the same. The page is
docs/knowledge.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from contracts.by_language import NO_LANGUAGE, ByLanguage
from contracts.fields import ID_PATTERN, seen
from contracts.languages import nearest
from contracts.values import dataclass
from services.chassis.yaml_file import read_yaml
from services.knowledge.search.synonyms import Synonyms, has_words


@dataclass(frozen=True, slots=True)
class ArticleCategory:
    """A category that only articles have. `names`: by language (BCP 47), where people read another one than `name`."""

    id: str
    name: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KnowledgeFile:
    """What the file says. `categories` by id, in the file's order."""

    language: str
    categories: Mapping[str, ArticleCategory]
    synonyms: Synonyms


def load_knowledge(path: str | Path, catalogue: Collection[str]) -> KnowledgeFile:
    """The content of the YAML file at `path`; raises WrongFile, also for a category that the catalogue has."""
    return read_yaml(path, "the knowledge base's file", lambda data: _knowledge_from(data, catalogue), as_written=True)


def _knowledge_from(data: Any, catalogue: Collection[str]) -> KnowledgeFile:
    loaded = _KnowledgeSchema().load(data)
    faults: dict[int, Any] = {}
    known: set[str] = set()
    for place, each in enumerate(loaded["categories"]):
        if each["id"] in known:
            faults[place] = {"id": [f"{each['id']} is there already."]}
        elif each["id"] in catalogue:
            faults[place] = {"id": [f"{each['id']} is in the catalogue already."]}
        known.add(each["id"])
    if faults:
        raise ValidationError({"categories": faults})
    categories = {each["id"]: ArticleCategory(each["id"], each["name"], each["names"]) for each in loaded["categories"]}
    return KnowledgeFile(loaded["language"], categories, Synonyms(loaded["synonyms"]))


class _Language(fields.String):
    """A language in any notation; loads as the nearest tag."""

    def _deserialize(self, value: Any, *more: Any, **named: Any) -> str:
        tag = nearest(str(super()._deserialize(value, *more, **named)))
        if tag is None:
            raise ValidationError(NO_LANGUAGE)
        return tag


def _words(text: str) -> None:
    """Raises ValidationError for a text without words."""
    if not has_words(text):
        raise ValidationError("Must have a word.")


def _several(group: Sequence[str]) -> None:
    """Raises ValidationError for a group that says nothing."""
    if len(group) < 2:
        raise ValidationError("Must be a list of at least two words or phrases that mean the same.")


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class _Category(_Strict):
    id = fields.String(
        required=True,
        validate=validate.Regexp(
            f"{ID_PATTERN}\\Z", error="Must be an id of up to 64 lower-case letters, digits, - and _."
        ),
    )
    name = fields.String(required=True, validate=[validate.Length(1, 100), seen])
    names = ByLanguage(fields.String(validate=[validate.Length(1, 100), seen]))


class _KnowledgeSchema(_Strict):
    language = _Language(load_default="en")
    categories = fields.List(fields.Nested(_Category), load_default=list)
    synonyms = ByLanguage(
        fields.List(fields.List(fields.String(validate=[validate.Length(1, 100), _words]), validate=_several))
    )
