"""The acts of the demo: a ticket's life on a desk whose clock is set ahead; and that they notice what goes wrong."""

from __future__ import annotations

import io
import json
from contextlib import closing
from datetime import UTC, datetime

from rich.console import Console
from standardwebhooks.webhooks import Webhook

from deploy.demo import acts
from deploy.demo.hook import Hook
from deploy.local.stack import Stack

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The id in the specification's example."""


def test_a_tickets_life_goes_by_the_rules_act_by_act(stack: Stack) -> None:
    said = io.StringIO()
    assert acts.play(stack, Console(file=said, width=200)).against == []
    assert "closed automatically" in said.getvalue()
    assert "Mia's case counts as not filed" in said.getvalue()


def test_a_webhook_that_was_forged_is_noticed(stack: Stack) -> None:
    with closing(Hook(stack.folder.port_to_listen_on("test-hook"), SECRET)) as hook:
        body, now = json.dumps({"type": "ticket.closed", "subject": "00000001"}), datetime.now(UTC)
        headers = {
            "Webhook-Id": "d1",
            "Webhook-Timestamp": str(int(now.timestamp())),
            "Webhook-Signature": Webhook(SECRET).sign("d1", now, body),
        }
        assert hook.take(body.encode(), headers)
        assert not hook.take(body.replace("closed", "opened").encode(), headers)
        assert ([event["type"] for event in hook.received], hook.forged) == (["ticket.closed"], 1)
