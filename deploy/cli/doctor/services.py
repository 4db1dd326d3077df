"""Asks the services with known health endpoints whether they are ready. The page is docs/operating.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from services.chassis.watching import KEPT, PAUSED

from .database import clocks
from .finding import Finding

PREFIX = "HEALTH_"
PATIENCE = 5.0

_open = build_opener(ProxyHandler({})).open


def check(endpoints: Mapping[str, str], ahead: timedelta | None) -> Iterator[Finding]:
    """`endpoints`: URLs by setting (`HEALTH_INTAKE_1`). `ahead`: the database's clock less ours, if known."""
    ready = 0
    for setting, url in endpoints.items():
        name = setting.removeprefix(PREFIX).lower().replace("_", " ")
        where = f"service {name}"
        problem, date = ask(url)
        if problem:
            service = name.partition(" ")[0]
            do = f"Read its log; restart it (`make up`, `docker compose restart {service}`)."
            if PAUSED in problem or KEPT in problem:
                do = (
                    f"Its log says what fails (`too many fail`, `a message that fails is kept`). If {service} was"
                    " upgraded lately, run the previous release. Nothing is lost: it goes on when one succeeds."
                )
            yield Finding("error", where, problem, do)
        elif refuses_files(url):
            what = "It refuses a changed catalogue, calendars or staff file and keeps using the previous one."
            yield Finding(
                "warning", where, what, "Correct the file as its log says. The service reads it within seconds."
            )
        ready += not problem
        if date and ahead is not None:
            yield from clocks(where, date, datetime.now(UTC) + ahead)
    if endpoints:
        yield Finding("ok", "services", f"{ready} of {len(endpoints)} are ready.")
    else:
        yield Finding(
            "ok", "services", "Not checked, because no health endpoint is set (CASEBUS_HEALTH_<SERVICE>_<N>)."
        )


def ask(url: str) -> tuple[str, datetime | None]:
    """What keeps the service from working (empty: nothing), and its clock to the second, if it says."""
    try:
        with _open(f"{url}/readyz", timeout=PATIENCE) as answer:
            return "", _date(answer.headers.get("Date"))
    except HTTPError as error:
        return f"It is not ready: {error.read().decode(errors='replace').strip()[:200]}.", _date(
            error.headers.get("Date")
        )
    except (URLError, HTTPException, OSError) as error:
        return f"It does not answer at {url} ({getattr(error, 'reason', error)}).", None


def refuses_files(url: str) -> bool:
    """Whether the service, which is ready, refuses a changed file of the operator."""
    try:
        with _open(f"{url}/metrics", timeout=PATIENCE) as answer:
            return b"\ncasebus_files_refused 1.0" in answer.read()
    except (URLError, HTTPException, OSError):
        return False  # it has ended in the meantime; the next examination sees it


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
