"""Webhooks against a real HTTP server that verifies signatures: taken, refused, silent, cut; and their file."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from urllib3.connection import HTTPConnection

from deploy.local.processes import CODE
from services.chassis.settings import WrongSettings
from services.notifications.domain.state import Outcome
from services.notifications.domain.telling import FOR_WEBHOOKS
from services.notifications.webhooks import Poster, Request, Webhook, headers, read_webhooks
from tests.unit.notifications.builders import ACCEPTED
from tests.unit.notifications.receiver import SECRET, Receiver, receiving

NEXT_SECRET = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
FAST: dict[str, float] = {"connect_time": 0.5, "whole_time": 0.7, "batch_time": 5.0}


@pytest.fixture
def receiver() -> Iterator[tuple[type[Receiver], str]]:
    with receiving() as both:
        yield both


def a_webhook(url: str, *secrets: str) -> Webhook:
    return Webhook("crm", url, frozenset(FOR_WEBHOOKS), secrets or (SECRET,))


def call(url: str, *ids: str, secrets: tuple[str, ...] = (SECRET,)) -> dict[str, Outcome]:
    requests = [Request(id_, f'{{"id":"{id_}","text":"Grüße"}}') for id_ in ids]
    return Poster(a_webhook(url, *secrets), **FAST).send(requests, datetime.now(UTC))


# What becomes of a request


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/status/200", ACCEPTED),
        ("/status/204", ACCEPTED),
        ("/status/410", Outcome("refused", "HTTP 410")),
        ("/status/302", Outcome("deferred", "HTTP 302")),
        ("/status/404", Outcome("deferred", "HTTP 404")),
        ("/status/500", Outcome("deferred", "HTTP 500")),
        ("/status/429", Outcome("deferred", "HTTP 429", away=True)),
        ("/status/503", Outcome("deferred", "HTTP 503", away=True)),
        ("/silent", Outcome("deferred", "timed out", away=True)),
        ("/drip", Outcome("deferred", "timed out", away=True)),
        ("/endless", ACCEPTED),
    ],
)
def test_outcome_by_what_the_receiver_answers(
    receiver: tuple[type[Receiver], str], path: str, outcome: Outcome
) -> None:
    kept, url = receiver
    started = time.monotonic()
    assert call(url + path, "d1") == {"d1": outcome}
    assert time.monotonic() - started < 2.5
    assert kept.asked == [path], "a redirect is not followed"


def test_a_connection_that_is_cut_is_tried_again_later(receiver: tuple[type[Receiver], str]) -> None:
    outcome = call(receiver[1] + "/cut", "d1")["d1"]
    assert (outcome.verdict, outcome.away) == ("deferred", True)


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = call(f"http://127.0.0.1:{port}/", "d1")["d1"]
    assert (outcome.verdict, outcome.away) == ("deferred", True)


def test_a_certificate_that_is_nobodys_is_not_believed(receiver: tuple[type[Receiver], str]) -> None:
    kept, url = receiver
    outcome = call(url.replace("http://", "https://"), "d1")["d1"]
    assert outcome == Outcome("deferred", "TLS failed", away=True)
    assert kept.asked == []


def test_many_requests_arrive_each_once_and_verified(receiver: tuple[type[Receiver], str]) -> None:
    kept, url = receiver
    ids = [f"d{number}" for number in range(40)]
    assert set(call(url + "/status/200", *ids).values()) == {ACCEPTED}
    assert sorted(id_ for id_, _ in kept.verified) == sorted(ids)


def test_a_receiver_that_never_answers_costs_no_more_than_the_time_of_a_few_requests(
    receiver: tuple[type[Receiver], str],
) -> None:
    kept, url = receiver
    started = time.monotonic()
    outcomes = call(url + "/silent", *(f"d{number}" for number in range(50)))
    assert time.monotonic() - started < 4
    assert len(kept.asked) <= 8
    assert {outcome.verdict for outcome in outcomes.values()} == {"deferred"}
    assert all(outcome.away for outcome in outcomes.values())


class SlowToConnect(Poster):
    """Connections that take a while: names that are looked up, a line that is full."""

    lines: set[threading.Thread]

    def connection(self) -> HTTPConnection:
        self.lines.add(threading.current_thread())
        time.sleep(0.4)
        return super().connection()


def test_a_request_that_counts_as_put_off_is_not_made_afterwards(receiver: tuple[type[Receiver], str]) -> None:
    kept, url = receiver
    for times in ({**FAST, "batch_time": 0.1}, {**FAST, "whole_time": 0.1}):
        poster = SlowToConnect(a_webhook(url + "/status/200"), **times)
        poster.lines = set()
        outcomes = poster.send([Request("d1", "{}")], datetime.now(UTC))
        for line in poster.lines:
            line.join(5)
        assert outcomes == {"d1": Outcome("deferred", "timed out", away=True)}
    assert kept.asked == []


def test_over_tls_with_a_certificate_that_is_believed(server_side: ssl.SSLContext, authorities: str) -> None:
    with receiving(server_side) as (kept, url):
        hook = replace(a_webhook(url.replace("127.0.0.1", "localhost") + "/status/200?desk=1"), ca=authorities)
        well = Poster(hook, **FAST).send([Request("d1", "{}")], datetime.now(UTC))
        assert well == {"d1": ACCEPTED}
        others = Poster(
            replace(a_webhook(url + "/status/200"), ca=authorities), **FAST
        )  # the certificate is localhost's
        assert others.send([Request("d2", "{}")], datetime.now(UTC)) == {"d2": Outcome("deferred", "TLS failed", True)}
    assert [id_ for id_, _ in kept.verified] == ["d1"]
    assert kept.asked == ["/status/200?desk=1"]


# Signatures


def test_signed_as_the_specification_says() -> None:
    """The example of the specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    moment = datetime.fromtimestamp(1614265330, UTC)
    request = Request("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}')
    signed = headers(a_webhook("https://crm.example/", secret), request, moment)
    assert {name: signed[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")} == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_with_two_secrets_a_receiver_with_either_can_verify() -> None:
    now, request = datetime.now(UTC), Request("d1", "{}")
    signed = headers(a_webhook("https://crm.example/", SECRET, NEXT_SECRET), request, now)
    for secret in (SECRET, NEXT_SECRET):
        assert Verifier(secret).verify("{}", signed) == {}


def test_the_id_stays_and_the_timestamp_is_that_of_the_attempt() -> None:
    hook, request = a_webhook("https://crm.example/"), Request("d1", "{}")
    first, second = (headers(hook, request, datetime.fromtimestamp(at, UTC)) for at in (1_700_000_000, 1_700_000_060))
    assert first["webhook-id"] == second["webhook-id"] == "d1"
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1700000000", "1700000060")
    assert first["webhook-signature"] != second["webhook-signature"]


# The file


def written(folder: Path, text: str) -> Path:
    file = folder / "webhooks.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_of_webhooks(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{NEXT_SECRET}\n", encoding="utf-8")
    file = written(
        tmp_path,
        f"""
webhooks:
  - name: crm
    url: https://crm.example/hooks?desk=1
    secrets: [{{env: CRM_SECRET}}, {{file: {tmp_path}/secret}}]
    kinds: [receipt, escalated]
  - {{name: here, url: "http://127.0.0.1:8000/", secrets: [{SECRET}]}}
  - {{name: inside, url: "http://crm.internal/", insecure: true, secrets: [{SECRET}]}}
""",
    )
    found = read_webhooks(file, {"CRM_SECRET": SECRET})
    assert list(found) == ["crm", "here", "inside"]
    assert found["crm"].secrets == (SECRET, NEXT_SECRET)
    assert found["crm"].kinds == {"receipt", "escalated"}
    assert found["here"].kinds == set(FOR_WEBHOOKS)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{url: 'https://a.example', secrets: [S]}", "line 2: webhooks.1.name"),
        ("{name: CRM, url: 'https://a.example', secrets: [S]}", "line 2: webhooks.1.name"),
        ("{name: crm, url: 'http://a.example', secrets: [S]}", "must begin with https://"),
        ("{name: crm, url: 'ftp://a.example', secrets: [S]}", "must be a URL"),
        ("{name: crm, url: 'https://me:pw@a.example', secrets: [S]}", "must not hold a user"),
        ("{name: crm, url: 'https://a.example:99999', secrets: [S]}", "is no URL"),
        ("{name: crm, url: 'https://a.example', secrets: []}", "must have 1 to 5"),
        ("{name: crm, url: 'https://a.example', secrets: [hunter2]}", "must be whsec_"),
        ("{name: crm, url: 'https://a.example', secrets: [whsec_c2hvcnQ=]}", "24 to 64 random bytes"),
        ("{name: crm, url: 'https://a.example', secrets: [{env: NOT_SET}]}", "NOT_SET is not set"),
        ("{name: crm, url: 'https://a.example', secrets: [{file: /none}]}", "/none cannot be read"),
        ("{name: crm, url: 'https://a.example', secrets: [3]}", "{env: NAME}"),
        (
            "{name: crm, url: 'https://a.example', secrets: [S], ca: /none}",
            "no readable file of PEM certificates: /none",
        ),
        ("{name: crm, url: 'https://a.example', secrets: [S], kinds: [recipt]}", "recipt"),
        ("{name: crm, url: 'https://a.example', secrets: [S], kind: [receipt]}", "webhooks.1.kind"),
        ("crm", "webhooks.1"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, item: str, said: str) -> None:
    file = written(tmp_path, f"webhooks:\n  - {item.replace('[S]', f'[{SECRET}]')}\n")
    with pytest.raises(WrongSettings) as caught:
        read_webhooks(file, {})
    if "recipt" in said:
        said = "line 2: webhooks.1.kinds.1"
    assert said in str(caught.value)
    assert "line 2" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("webhooks: {", "not YAML"),
        ("hooks: []", "hooks"),
        ("[]", "the file"),
        ("webhooks:", "webhooks"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongSettings, match="CASEBUS_WEBHOOKS") as caught:
        read_webhooks(written(tmp_path, text), {})
    assert said in str(caught.value)


def test_the_file_that_is_shipped_names_none() -> None:
    assert read_webhooks(CODE / "deploy" / "webhooks.yaml") == {}


def test_two_webhooks_of_one_name_are_refused(tmp_path: Path) -> None:
    webhook = f"  - {{name: crm, url: 'https://a.example', secrets: [{SECRET}]}}\n"
    with pytest.raises(WrongSettings, match=r"line 3: webhooks\.2\.name: is there twice"):
        read_webhooks(written(tmp_path, f"webhooks:\n{webhook}{webhook}"), {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    environment: Mapping[str, str] = {}
    with pytest.raises(WrongSettings, match="cannot be read"):
        read_webhooks(tmp_path / "none.yaml", environment)
