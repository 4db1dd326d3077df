"""Schemas: what each field takes and how its error reads, and that reading fast and reading carefully agree."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from contracts.accounts import Block
from contracts.fields import Instant
from contracts.file_forms import AttachmentContent
from contracts.payload import PayloadSchema, errors_by_field, plain, read
from contracts.registry import TYPES, MessageType, command, outcome
from contracts.tickets import Submit
from deploy.documents.contract import HERE, definitions

ACCOUNT = {"account_id": "acc-1", "display_name": "Mira", "tier": "vip"}
TEMPORARY = {"temporary": {"account_id": "t-1", "secret": "s"}}
SUBMIT = {"requester": ACCOUNT, "category": "billing", "subject": "Charged twice", "body": "Please help."}
SIGN_ON = {"agent_id": "a7", "display_name": "Jonas", "capacity": 3, "skills": ["*"]}
PICTURE = {"name": "a.png", "media_type": "image/png", "content": "iVBORw0KGgo="}
BLANK = (" ", "\u200b", "\u3164", "\u2800", "\ufe0f\u034f", "\U000e0001")
UPLOADED = {"name": "a.txt", "media_type": "text/plain", "ref": "att-1", "sha256": "0" * 64, "size": 7}


def schema(type: str) -> PayloadSchema:
    found = command(type)
    assert found is not None
    return found.schema


def errors(type: str, data: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        schema(type).load(data)
    return errors_by_field(refused.value)


def test_requesters_are_standard_or_vip() -> None:
    for tier in ("standard", "vip"):
        loaded = schema("ticket.submit").load({**SUBMIT, "requester": {**ACCOUNT, "tier": tier}})
        assert loaded.requester.tier == tier
    assert "requester.tier" in errors("ticket.submit", {**SUBMIT, "requester": {**ACCOUNT, "tier": "gold"}})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"requester": None}, "requester"),
        ({"requester": "acc-1"}, "requester"),
        ({"requester": {}}, "requester.account_id"),
        ({"requester": {**ACCOUNT, "tier": "gold"}}, "requester.tier"),
        ({"requester": {**ACCOUNT, **TEMPORARY}}, "requester.account_id"),
        ({"requester": {"temporary": {"account_id": "t-1"}}}, "requester.temporary.secret"),
        ({"requester": {"temporary": "t-1"}}, "requester.temporary"),
        ({"category": ""}, "category"),
        ({"category": 3}, "category"),
        ({"subcategory": ["refund"]}, "subcategory"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": "   "}, "subject"),
        ({"subject": "\u200b\u3164\ufeff"}, "subject"),
        ({"body": "\r\n\t \xa0\u2800"}, "body"),
        ({"subject": None}, "subject"),
        ({"body": "x" * 20_001}, "body"),
        ({"body": b"bytes"}, "body"),
        ({"issue_key": "x" * 201}, "issue_key"),
        ({"issue_key": ""}, "issue_key"),
        *(
            ({name: blank}, name)
            for name in ("issue_key", "category", "subcategory", "subject", "body")
            for blank in BLANK
        ),
        *(
            ({"requester": {**ACCOUNT, name: blank}}, f"requester.{name}")
            for name in ("account_id", "display_name")
            for blank in BLANK
        ),
        *(
            ({"requester": {"temporary": {"account_id": "t", "secret": blank}}}, "requester.temporary.secret")
            for blank in BLANK
        ),
        ({"refers_to": 4217}, "refers_to"),
        ({"refers_to": "4217"}, "refers_to"),
        ({"refers_to": "٠٠٠٠٤٢١٧"}, "refers_to"),
        ({"distinct_from": "00000001"}, "distinct_from"),
        ({"distinct_from": ["00000001", "x"]}, "distinct_from.1"),
        ({"distinct_from": ["00000001"] * 21}, "distinct_from"),
        ({"fields": []}, "fields"),
        ({"fields": {"order": ["1"]}}, "fields.order"),
        ({"fields": {"order": 1e300}}, "fields.order"),
        ({"fields": {"order": "x" * 2001}}, "fields.order"),
        ({"attachments": "a.png"}, "attachments"),
        ({"attachments": [PICTURE] * 101}, "attachments"),
    ],
)
def test_a_wrong_field_of_a_submission_is_named(change: dict[str, Any], field: str) -> None:
    assert field in errors("ticket.submit", {**SUBMIT, **change})


@pytest.mark.parametrize(
    ("file", "fault", "too_large"),
    [
        ({**PICTURE, "content": "****"}, "content: Not base64.", False),
        ({**PICTURE, "content": base64.b64encode(b"x" * (256 * 1024 + 1)).decode()}, "256 KiB", True),
        ({**PICTURE, "content": base64.b64encode(b"x" * 256 * 1024).decode(), "name": 7}, "name: Not text.", False),
        ({**PICTURE, "content": 7}, "content: Not text.", False),
        ({**PICTURE, "name": 7}, "name: Not text.", False),
        ({"name": "a.png", "media_type": "a/b"}, "ref: Missing", False),
        ({**UPLOADED, **PICTURE, "name": "a.png"}, "ref: Not together with content", False),
        ({**UPLOADED, "sha256": "x"}, "sha256: Must", False),
        ({}, "name: Missing", False),
        (None, "Not an object.", False),
        ("a.png", "Not an object.", False),
        ([PICTURE], "Not an object.", False),
    ],
)
def test_a_file_of_the_wrong_form_is_left_out_and_its_command_goes_on(file: Any, fault: str, too_large: bool) -> None:
    loaded = schema("ticket.submit").load({**SUBMIT, "attachments": [PICTURE, file]}).attachments
    assert loaded[0].content == b"\x89PNG\r\n\x1a\n"
    assert fault in loaded[1].fault
    assert loaded[1].too_large == too_large
    name = file.get("name") if isinstance(file, dict) else None
    assert loaded[1].name == (name if isinstance(name, str) else "")


@pytest.mark.parametrize("origin", [7, {"host": "a"}, ["a"], True, "x" * 201, "\ud83d"])
def test_an_origin_that_is_none_stops_no_command(origin: Any) -> None:
    data = {**SUBMIT, "origin": origin}
    found = read(Submit, data)
    assert found.data.origin is None
    assert found.hints.keys() == {"origin"}


@pytest.mark.parametrize("claimed", ["", "picture", None, "application/octet-stream"])
@pytest.mark.parametrize("name", ["", "a\x00\u202e.png", "x" * 4_096])
def test_what_a_file_is_called_never_stops_its_command(claimed: str | None, name: str) -> None:
    file = {**PICTURE, "media_type": claimed, "name": name}
    (loaded,) = schema("ticket.submit").load({**SUBMIT, "attachments": [file]}).attachments
    assert isinstance(loaded, AttachmentContent)


REPLY = {"requester": ACCOUNT, "number": "00000001"}


@pytest.mark.parametrize("words", [{}, {"body": None}, {"body": ""}, {"body": " \u200b"}])
def test_a_reply_has_words_or_files_or_both(words: dict[str, Any]) -> None:
    schema("ticket.reply").load({**REPLY, **words, "attachments": [PICTURE]})
    without: tuple[dict[str, Any], ...] = ({}, {"attachments": None}, {"attachments": []})
    for files in without:
        assert errors("ticket.reply", {**REPLY, **words, **files}) == {"body": ["Give body or attachments."]}
    assert errors("ticket.reply", {**REPLY, "body": 7}) == {"body": ["Not text."]}


def test_every_wrong_field_is_named_at_once() -> None:
    found = errors("ticket.submit", {"requester": {"tier": "gold"}, "subject": 1, "fields": {"a": [], "b": {}}})
    assert found.keys() == {
        "requester.account_id",
        "requester.display_name",
        "requester.tier",
        "category",
        "subject",
        "body",
        "fields.a",
        "fields.b",
    }
    assert all(said for said in found.values())


@pytest.mark.parametrize("data", [None, [], "text", 7, True])
def test_data_that_is_no_object_is_said_so(data: Any) -> None:
    assert errors("ticket.submit", data) == {"data": ["Not an object."]}


@pytest.mark.parametrize(
    ("type", "data", "field"),
    [
        ("agent.sign_on", {**SIGN_ON, "agent_id": "A7"}, "agent_id"),
        ("agent.sign_on", {**SIGN_ON, "agent_id": "a7\n"}, "agent_id"),
        ("agent.sign_on", {**SIGN_ON, "capacity": 0}, "capacity"),
        ("agent.sign_on", {**SIGN_ON, "languages": ["en", "english"]}, "languages.1"),
        ("account.set_preferences", {"requester": ACCOUNT, "language": "english"}, "language"),
        ("account.set_preferences", {"requester": ACCOUNT, "language": 7}, "language"),
        ("account.open_temporary", {"contact_email": "nobody"}, "contact_email"),
        ("agent.sign_on", {**SIGN_ON, "display_name": "\u2800"}, "display_name"),
        ("agent.sign_on", {**SIGN_ON, "skills": ["billing", "\u200b"]}, "skills.1"),
        ("account.open_temporary", {"display_name": "\u3164"}, "display_name"),
        ("account.confirm_contact", {"requester": ACCOUNT, "code": "\ufeff"}, "code"),
        ("ticket.change_agent", {"requester": ACCOUNT, "number": "00000001", "reason": "\u200d"}, "reason"),
        ("ticket.escalate", {"requester": ACCOUNT, "number": "00000001", "reason": " "}, "reason"),
        ("ticket.escalate", {"moderator": {"id": "\u2060"}, "number": "00000001"}, "moderator.id"),
        ("ticket.close", {"agent_id": "a7", "number": "00000001", "reason": "\u3164 "}, "reason"),
        ("ticket.transfer", {"agent_id": "a7", "number": "00000001", "reason": "\u115f"}, "reason"),
        ("agent.sign_on", {**SIGN_ON, "capacity": 101}, "capacity"),
        ("agent.sign_on", {**SIGN_ON, "capacity": True}, "capacity"),
        ("agent.sign_on", {**SIGN_ON, "capacity": "3"}, "capacity"),
        ("agent.sign_on", {**SIGN_ON, "capacity": 3.0}, "capacity"),
        ("agent.sign_on", {**SIGN_ON, "skills": []}, "skills"),
        ("agent.sign_on", {**SIGN_ON, "tiers": ["gold"]}, "tiers.0"),
        ("agent.sign_off", {"agent_id": "a7", "release": "yes"}, "release"),
        ("ticket.view", {"number": "00000001"}, "requester"),
        ("ticket.view", {"number": "00000001", "requester": ACCOUNT, "agent_id": "a7"}, "agent_id"),
        ("ticket.escalate", {"number": "00000001"}, "moderator"),
        ("ticket.list", {"requester": ACCOUNT, "page": 0}, "page"),
        ("ticket.list", {"requester": ACCOUNT, "status": "open"}, "status"),
        ("ticket.answer_consent", {"requester": ACCOUNT, "number": "00000001", "granted": 1}, "granted"),
        (
            "account.set_preferences",
            {"requester": ACCOUNT, "notify": {"assigned": {"email": "no"}}},
            "notify.assigned.email",
        ),
        (
            "account.set_preferences",
            {"requester": ACCOUNT, "quiet_hours": {"starts": "22", "ends": "07:00", "time_zone": "UTC"}},
            "quiet_hours.starts",
        ),
    ],
)
def test_a_wrong_field_of_other_commands_is_named(type: str, data: dict[str, Any], field: str) -> None:
    assert field in errors(type, data)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"requester": TEMPORARY},
        {"requester": {**ACCOUNT, "temporary": None}},
        {"subject": "x" * 200, "body": "x" * 20_000},
        {"subject": "🦉" * 200},
        {"fields": {"order": "88", "amount": 2.5, "agreed": True, "left": None}},
        {"attachments": [PICTURE, UPLOADED]},
        {"attachments": [{**PICTURE, "content": base64.b64encode(b"x" * 256 * 1024).decode()}]},
        {"distinct_from": [], "language": "pt-BR", "issue_key": "order:1"},
    ],
)
def test_a_right_submission_passes(change: dict[str, Any]) -> None:
    loaded = plain(schema("ticket.submit").load({**SUBMIT, **change}))
    for name, value in {**SUBMIT, **change}.items():
        assert loaded[name] == (without_nulls(value) if isinstance(value, dict) else value)


def without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    """Null counts as left out."""
    return {name: each for name, each in value.items() if each is not None}


def test_what_is_unknown_is_ignored_and_null_is_as_if_left_out() -> None:
    loaded = schema("ticket.submit").load(
        {
            **SUBMIT,
            "requester": {**ACCOUNT, "email": None, "shoe_size": 42},
            "issue_key": None,
            "colour": "red",
            "fields": {"$where": "1"},
        }
    )
    assert plain(loaded) == {**SUBMIT, "fields": {}}


@pytest.mark.parametrize("odd", ["english", "en*", "", "x", "und", "x" * 300, 7, ["en"], {"de": 1}, True, "\ud83d"])
def test_a_language_that_cannot_be_read_is_passed_over(odd: Any) -> None:
    data = {**SUBMIT, "language": odd}
    found = read(Submit, data)
    assert plain(found.data) == SUBMIT
    assert found.hints.keys() == {"language"}
    assert "language" not in errors("ticket.submit", {**data, "subject": ""}), "also beside a fault"


@pytest.mark.parametrize(
    "odd", ["nobody", "a@b\r\nBcc: c@d", "Mira <mira@example.org>", "", "x" * 255, 7, ["a@b"], "\ude00@b"]
)
def test_an_address_that_cannot_be_read_is_passed_over(odd: Any) -> None:
    data = {**SUBMIT, "requester": {**ACCOUNT, "email": odd}}
    found = read(Submit, data)
    assert plain(found.data) == SUBMIT
    assert found.hints.keys() == {"requester.email"}


def test_what_is_read_or_left_out_is_not_passed_over() -> None:
    for more in ({}, {"language": "pt_BR"}, {"language": None}):
        data = {**SUBMIT, "requester": {**ACCOUNT, "email": "a@b"}, **more}
        assert read(Submit, data).hints == {}
    assert read(Submit, {**SUBMIT, "requester": TEMPORARY}).hints == {}


def test_contents_become_bytes_and_times_become_utc() -> None:
    loaded = schema("ticket.reply").load(
        {"requester": ACCOUNT, "number": "00000001", "body": "x", "attachments": [PICTURE]}
    )
    assert loaded.attachments[0].content == b"\x89PNG\r\n\x1a\n"
    expired = outcome("account.temporary_opened")
    assert expired is not None
    opened = expired.schema.load({"account_id": "t", "secret": "s", "expires_at": "2026-04-01T02:00:00+02:00"})
    assert opened.expires_at == datetime(2026, 4, 1, tzinfo=UTC)


MOMENTS_OF_PEOPLE = [
    (each, name)
    for each in TYPES.values()
    if each.senders & {"channel", "agent", "operator"}
    for name, field in each.schema.wire_fields().items()
    if isinstance(field, Instant)
]


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize(("sent", "name"), MOMENTS_OF_PEOPLE, ids=lambda of: getattr(of, "type", of))
def test_the_moments_that_people_send_come_in_utc(sent: MessageType, name: str, is_whole: bool) -> None:
    """As `Block` has it. (What services send is in UTC anyway.)"""
    golden = json.loads((HERE / "examples" / f"{sent.kind}.{sent.type}.json").read_bytes())["data"]
    moment = getattr(read(sent.data, {**golden, name: "2026-04-01T02:00:00+02:00"}, is_whole=is_whole).data, name)
    assert moment == datetime(2026, 4, 1, tzinfo=UTC)
    assert moment.tzinfo is UTC
    with pytest.raises(ValidationError):
        read(sent.data, {**golden, name: "0001-01-01T00:00:00+14:00"}, is_whole=is_whole)


def test_there_is_a_moment_that_people_send() -> None:
    assert (Block, "until") in [(sent.data, name) for sent, name in MOMENTS_OF_PEOPLE]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from(["00000001", "vip", "a7"]),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=4), each, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(sorted(TYPES)), st.data())
def test_reading_fast_and_reading_carefully_agree(key: Any, data: st.DataObject) -> None:
    """What msgspec takes, marshmallow takes for the same value; what msgspec leaves, marshmallow decides."""
    kind = TYPES[key]
    names = [*kind.schema.wire_fields(), "unknown"]
    candidate = data.draw(st.dictionaries(st.sampled_from(names), json_values) | json_values)
    fast, careful = attempt(kind, candidate, is_whole=True), attempt(kind, candidate, is_whole=False)
    assert fast == careful


def attempt(kind: MessageType, candidate: Any, *, is_whole: bool) -> Any:
    try:
        return read(kind.data, candidate, is_whole=is_whole)
    except ValidationError as error:
        return errors_by_field(error)


def test_no_address_and_no_body_is_in_a_snapshot() -> None:
    names = names_within("Snapshot")
    assert {"subject", "requester", "display_name", "agent"} <= names
    assert names & {"email", "body", "secret", "contact_email"} == set()


def names_within(form: str) -> set[str]:
    """The fields of a definition, and of those that it refers to."""
    properties = definitions()["$defs"][form]["properties"]
    referred = set(re.findall(r"#/\$defs/(\w+)", json.dumps(properties)))
    return {*properties}.union(*map(names_within, referred))


def test_what_an_older_routing_took_for_a_name_or_a_skill_stays_readable() -> None:
    told = {"agent_id": "a1", "display_name": " ", "capacity": 1, "skills": ["\u200b", "*"], "languages": ["pt_BR"]}
    assert TYPES["event", "agent.signed_on"].schema.load(told).skills == ["\u200b", "*"]
    assert errors("agent.sign_on", told).keys() == {"display_name", "skills.0"}
