"""The envelope: what is an event, what is not and why; writing and reading are each other's inverse."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Event, NotAnEvent, WrongAttributes, from_dict, moment, parse, rfc3339, serialise
from contracts.names import role_of, source_agrees, source_of

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "c-1",
    "type": "ticket.submit",
    "source": "/channels/web",
    "time": "2026-03-02T15:30:00.25+01:00",
    "data": {"subject": "Help"},
}


def test_reads_the_attributes_and_ignores_others() -> None:
    event = from_dict({**GOOD, "subject": "00000001", "datacontenttype": "application/json", "x": 1, "causationid": ""})
    assert event == Event(
        id="c-1",
        type="ticket.submit",
        source="/channels/web",
        time=datetime(2026, 3, 2, 14, 30, 0, 250_000, tzinfo=UTC),
        data={"subject": "Help"},
        subject="00000001",
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("specversion", None, "specversion"),
        ("specversion", "0.3", "specversion"),
        ("specversion", 1.0, "specversion"),
        ("id", None, "id is missing"),
        ("id", "", "id is empty"),
        ("id", 7, "id is missing or not text"),
        ("id", "x" * 201, "id is longer than 200"),
        ("type", "", "type is empty"),
        ("source", [], "source"),
        ("subject", 4217, "subject"),
        ("subject", "x" * 201, "subject is longer than 200"),
        ("source", "/channels/\ud83d", "source has half a character"),
        ("id", "\ud83d", "id has half a character"),
        ("type", "ticket.\ude00", "type has half a character"),
        ("time", None, "time"),
        ("time", 1_700_000_000, "time"),
        ("time", "2026-03-02", "time"),
        ("time", "2026-03-02T15:30:00", "time is not an RFC 3339 time with a zone"),
        ("time", "20260302T153000Z", "time"),
        ("time", "2026-W10-1T15:30:00Z", "time"),
        ("time", "2026-02-30T15:30:00Z", "time names no moment"),
        ("time", "2026-03-02T25:30:00Z", "time names no moment"),
        ("time", "0001-01-01T00:00:00+01:00", "time names no moment"),
    ],
)
def test_says_what_is_wrong_without_repeating_it(field: str, value: Any, reason: str) -> None:
    with pytest.raises(NotAnEvent, match=f"^{reason}") as wrong:
        from_dict({**GOOD, field: value})
    assert "xxx" not in str(wrong.value)


@pytest.mark.parametrize("field", ["specversion", "id", "type", "source", "time"])
def test_requires_what_the_contract_requires(field: str) -> None:
    with pytest.raises(NotAnEvent, match=f"^{field}"):
        from_dict({name: value for name, value in GOOD.items() if name != field})


def test_tells_every_wrong_attribute_of_what_can_be_answered() -> None:
    with pytest.raises(WrongAttributes) as wrong:
        from_dict({**GOOD, "time": "now", "source": None, "subject": "x" * 201})
    assert (wrong.value.id, wrong.value.type) == ("c-1", "ticket.submit")
    assert wrong.value.faults.keys() == {"source", "time", "subject"}


@pytest.mark.parametrize("attribute", ["traceparent", "causationid", "correlationid"])
@pytest.mark.parametrize("odd", [{}, 7, "x" * 201, "", "\ud83d"])
def test_what_serves_to_follow_a_message_never_refuses_it(attribute: str, odd: Any) -> None:
    assert getattr(from_dict({**GOOD, attribute: odd}), attribute) is None


@pytest.mark.parametrize("data", [{}, [], "text", 7, False])
def test_leaves_judging_data_to_the_schema_of_the_type(data: Any) -> None:
    assert from_dict({**GOOD, "data": data}).data == data


@pytest.mark.parametrize("body", [{**GOOD, "data": None}, {name: GOOD[name] for name in GOOD if name != "data"}])
def test_no_data_is_empty_data(body: dict[str, Any]) -> None:
    assert from_dict(body).data == {}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"7", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, '{"id":1}'.encode("utf-16")],
)
def test_what_is_no_json_object_is_no_event(body: bytes) -> None:
    with pytest.raises(NotAnEvent, match=r"^(the body|specversion)"):
        parse(body)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T14:30:00Z", datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
        ("2026-03-02t14:30:00z", datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
        ("2026-03-02T14:30:00-00:00", datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
        ("2026-03-02T14:30:00.123456789Z", datetime(2026, 3, 2, 14, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-02T20:00:00+05:30", datetime(2026, 3, 2, 14, 30, tzinfo=UTC)),
    ],
)
def test_times_become_utc(text: str, at: datetime) -> None:
    assert moment(text) == at
    assert moment(text).tzinfo is UTC


def test_a_naive_time_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 3, 2))  # noqa: DTZ001


def test_times_in_data_are_written_as_text() -> None:
    event = from_dict({**GOOD, "data": {"due_at": datetime(2026, 3, 2, 15, tzinfo=timezone(timedelta(hours=1)))}})
    assert json.loads(serialise(event))["data"] == {"due_at": "2026-03-02T14:00:00Z"}


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
optional = st.none() | texts
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts,
    lambda each: st.lists(each) | st.dictionaries(texts, each),
    max_leaves=8,
)
events = st.builds(
    Event,
    id=texts,
    type=texts,
    source=texts,
    time=st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    data=st.dictionaries(texts, json_values),
    subject=optional,
    traceparent=optional,
    causationid=optional,
    correlationid=optional,
)


@given(events)
def test_reading_undoes_writing(event: Event) -> None:
    assert parse(serialise(event)) == event


def test_what_json_has_no_word_for_is_not_written() -> None:
    with pytest.raises(TypeError, match="set is not put on the wire"):
        serialise(Event("1", "ticket.opened", "/services/intake", datetime(2026, 3, 2, tzinfo=UTC), {"a": {"b"}}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.sampled_from([*GOOD, "subject"]), each),
    )
)
def test_nothing_but_not_an_event_is_ever_raised(body: Any) -> None:
    for candidate in (body, {**GOOD, **body} if isinstance(body, dict) else body):
        with suppress(NotAnEvent):
            assert from_dict(candidate).id == candidate["id"]


@pytest.mark.parametrize(
    ("user", "role", "source"),
    [
        ("web", "channel", "/channels/web"),
        ("web-2", "channel", "/channels/web-2"),
        ("agent.a7", "agent", "/agents/a7"),
        ("agent.web", "agent", "/agents/web"),
        ("intake", "service", "/services/intake"),
        ("notifications", "service", "/services/notifications"),
        ("agent", None, None),
        ("agent.", None, None),
        ("agent.A7", None, None),
        ("agent.a.b", None, None),
        ("amq", None, None),
        ("helpdesk", None, None),
        ("console", None, None),
        ("operator", "operator", "/operators/operator"),
        ("-web", None, None),
        ("Web", None, None),
        ("web.shop", None, None),
        ("web\n", None, None),
        ("x" * 33, None, None),
        ("", None, None),
    ],
)
def test_names_roles_and_sources(user: str, role: str | None, source: str | None) -> None:
    assert role_of(user) == role
    assert source_of(user) == source
    if source is not None:
        assert source_agrees(source, user)
    for other in ("/channels/other", "/agents/other", "/services/sla", "", f"/channels/{user}/", f"//channels/{user}"):
        assert not source_agrees(other, user)
