"""Handshakes that drip: they end within the time of one step, also on green threads, as the services run."""

from __future__ import annotations

import operator
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.notifications.dripping import HANDSHAKE, dripping_server, tls_after_starttls, tls_at_once
from tests.waiting import wait

BY_MAIL = """
from services.notifications.mailer import Mailer, read_server
from tests.unit.notifications.test_mailer import SENDER, a_mail
mailer = Mailer(read_server("{url}"), SENDER, timeout=0.5, batch_time=0.4)
outcomes = mailer.send([a_mail(f"ada{{number}}") for number in range(LINES)])
"""
BY_WEBHOOK = """
from datetime import UTC, datetime
from services.notifications.webhooks import Poster, Request
from tests.unit.notifications.test_webhooks import a_webhook
poster = Poster(a_webhook("{url}"), connect_time=0.5, whole_time=0.7, batch_time=0.4)
outcomes = poster.send([Request(f"d{{number}}", "{{}}") for number in range(LINES)], datetime.now(UTC))
"""
GREEN = """
import eventlet
eventlet.monkey_patch()
"""
PROGRAM = """
import select
import sys
from services.notifications.lines import LINES
{sends}
print(*sorted(str(outcome.verdict) + str(outcome.away) for outcome in outcomes.values()), flush=True)
select.select([sys.stdin], [], [])  # green threads go on meanwhile: one that still has a connection may let go of it
"""


@pytest.mark.parametrize("threads", ["", GREEN], ids=["threads", "green"])
@pytest.mark.parametrize(
    ("sends", "url", "before"),
    [
        (BY_MAIL, "smtps://127.0.0.1:{port}", tls_at_once),
        (BY_MAIL, "smtp://127.0.0.1:{port}", tls_after_starttls),
        (BY_MAIL, "smtp://127.0.0.1:{port}?starttls=required", tls_after_starttls),
        (BY_WEBHOOK, "https://127.0.0.1:{port}/", tls_at_once),
    ],
    ids=["smtps", "starttls when offered", "starttls required", "webhook"],
)
def test_a_handshake_that_never_ends_holds_no_connection_beyond_the_batch(
    threads: str, sends: str, url: str, before: Callable[[Any], None]
) -> None:
    with dripping_server(before, HANDSHAKE) as (port, held):
        program = threads + PROGRAM.format(sends=sends.format(url=url.format(port=port)))
        sender = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert sender.stdin is not None
            assert sender.stdout is not None
            assert set(sender.stdout.readline().split()) == {"deferredTrue"}
            wait(lambda: held, "the end of all connections", operator.not_, patience=5)
            sender.stdin.close()
            assert sender.wait(10) == 0
        finally:
            sender.kill()
