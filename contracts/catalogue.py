"""Categories, priorities and targets: the policy that services share, as data. The chassis reads the YAML.

`catalogue_from` checks the content of the file and returns its values. The page is docs/catalogue.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any, Literal, get_args

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from contracts.by_language import ByLanguage, Worded
from contracts.fields import ID_PATTERN, seen
from contracts.values import dataclass

VIP_DAYS = 3
"""A vip is never promised more business days than this (docs/rules.md, "Time")."""

MOST_DAYS = 5

QuestionKind = Literal["text", "choice", "date", "number"]
OneOpenPer = Literal["issue", "category", "requester"]
"""Of what a requester has one ticket open at most."""

BUSINESS = "business"
"""The calendar of a category that names none."""


@dataclass(frozen=True, slots=True)
class Target:
    """Business days until the desk's first reply and each next one; never more than `VIP_DAYS` for a vip."""

    first_reply_days: int
    next_reply_days: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a category's own; its answer comes in `fields` by `id`.

    `label`: what people read, and in `labels` the same by language. `choices`, only for kind `choice`: the answers, and
    how people read them.
    """

    id: str
    label: str
    kind: QuestionKind
    required: bool = False
    choices: Mapping[str, Worded] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Category:
    """One category of the catalogue. `priority` 1 is the most urgent. `subcategories`: how people read them, by id.
    `names`: `name` by language."""

    id: str
    name: str
    priority: int
    skill: str
    targets: Mapping[str, Target]
    """By tier: `standard` and `vip`, both always present (vip at most 3 days)."""
    subcategories: Mapping[str, Worded] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    one_open_per: OneOpenPer = "issue"
    calendar: str = BUSINESS
    """The business calendar of `targets`; sla reads the calendars."""
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Categories by id, in the file's order."""

    categories: Mapping[str, Category]


def catalogue_from(data: Any, calendars: Collection[str] | None = None) -> Catalogue:
    """The catalogue in the decoded content of a catalogue file. `calendars`: the known ones, if the caller knows them.

    Raises marshmallow's ValidationError, with messages nested as the file is: by key, and by place in a list.
    """
    loaded = _CatalogueSchema().load(data)["categories"]
    faults: dict[int, Any] = {}
    seen: set[str] = set()
    for place, each in enumerate(loaded):
        if each["id"] in seen:
            faults[place] = {"id": [f"{each['id']} is there already."]}
        elif calendars is not None and each["calendar"] not in calendars:
            faults[place] = {"calendar": [f"{each['calendar']} is no calendar; there are {', '.join(calendars)}."]}
        seen.add(each["id"])
    if faults:
        raise ValidationError({"categories": faults})
    return Catalogue({each["id"]: _category(each) for each in loaded})


def _category(loaded: Mapping[str, Any]) -> Category:
    standard = Target(**loaded["targets"]["standard"])
    capped = Target(min(standard.first_reply_days, VIP_DAYS), min(standard.next_reply_days, VIP_DAYS))
    vip = loaded["targets"].get("vip")
    return Category(
        id=loaded["id"],
        name=loaded["name"],
        priority=loaded["priority"],
        skill=loaded.get("skill", loaded["id"]),
        targets={"standard": standard, "vip": capped if vip is None else Target(**vip)},
        subcategories={each["id"]: Worded(each["name"], each["names"]) for each in loaded["subcategories"]},
        questions=tuple(map(_question, loaded["questions"])),
        one_open_per=loaded["one_open_per"],
        calendar=loaded["calendar"],
        names=loaded["names"],
    )


def _question(loaded: Mapping[str, Any]) -> Question:
    choices = {each["choice"]: Worded(each["name"] or each["choice"], each["names"]) for each in loaded["choices"]}
    return Question(**{**loaded, "choices": choices})


def _unique(values: list[Any]) -> None:
    ids = [value.get("id") or value["choice"] for value in values]
    twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if twice:
        raise ValidationError(f"Listed twice: {', '.join(twice)}.")


def _unhyphenated(id_: str) -> str:
    """What people read of an id without a name: `two-step-login` → `Two step login`."""
    words = id_.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def _id(**more: Any) -> fields.String:
    problem = "Must be an id of up to 64 lower-case letters, digits, - and _."
    return fields.String(validate=validate.Regexp(f"{ID_PATTERN}\\Z", error=problem), **more)


def _days(most: int) -> fields.Integer:
    problem = f"Must be 1 to {most} business days."
    return fields.Integer(strict=True, required=True, validate=validate.Range(1, most, error=problem))


def _text(most: int, **more: Any) -> fields.String:
    return fields.String(**(more or {"required": True}), validate=[validate.Length(1, most), seen])


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class _StandardTarget(_Strict):
    first_reply_days = _days(MOST_DAYS)
    next_reply_days = _days(MOST_DAYS)


class _VipTarget(_Strict):
    first_reply_days = _days(VIP_DAYS)
    next_reply_days = _days(VIP_DAYS)


class _Targets(_Strict):
    standard = fields.Nested(_StandardTarget, required=True)
    vip = fields.Nested(_VipTarget)


class _Choice(_Strict):
    """A text, or a mapping with names."""

    choice = _text(100)
    name = _text(100, load_default="")
    names = ByLanguage(_text(100))

    @pre_load
    def _plain(self, data: Any, **_: Any) -> Any:
        return {"choice": data} if isinstance(data, str) else data


class _Subcategory(_Strict):
    """An id, or a mapping with a name."""

    id = _id(required=True)
    name = _text(100, load_default="")
    names = ByLanguage(_text(100))

    @pre_load
    def _plain(self, data: Any, **_: Any) -> Any:
        return {"id": data} if isinstance(data, str) else data

    @post_load
    def _named(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "name": data["name"] or _unhyphenated(data["id"])}


class _Question(_Strict):
    id = _id(required=True)
    label = _text(200)
    labels = ByLanguage(_text(200))
    kind = fields.String(required=True, validate=validate.OneOf(get_args(QuestionKind)))
    required = fields.Boolean(load_default=False)
    choices = fields.List(fields.Nested(_Choice), load_default=list, validate=_unique)

    @validates_schema
    def _choices_fit(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["kind"] == "choice" and len(data["choices"]) < 2:
            raise ValidationError("A question of kind choice must have at least two.", "choices")
        if data["kind"] != "choice" and data["choices"]:
            raise ValidationError("Only a question of kind choice may have them.", "choices")


class _Category(_Strict):
    id = _id(required=True)
    name = _text(100)
    names = ByLanguage(_text(100))
    priority = fields.Integer(strict=True, required=True, validate=validate.Range(1, 9))
    skill = _id()
    targets = fields.Nested(_Targets, required=True)
    subcategories = fields.List(fields.Nested(_Subcategory), load_default=list, validate=_unique)
    questions = fields.List(fields.Nested(_Question), load_default=list, validate=_unique)
    one_open_per = fields.String(load_default="issue", validate=validate.OneOf(get_args(OneOpenPer)))
    calendar = _text(20, load_default=BUSINESS)


class _CatalogueSchema(_Strict):
    categories = fields.List(fields.Nested(_Category), required=True, validate=validate.Length(1))
