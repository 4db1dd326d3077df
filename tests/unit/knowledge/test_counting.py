"""What counts: opened and helped once for each session, article and day; deflected once nothing was filed for a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.outcomes import Accepted
from services.chassis.decision import Decision
from services.knowledge.domain.counting.deflecting import MOST_OPENED
from services.knowledge.domain.values.counts import DESK, Draft, Fact, Tally, Vote, Words
from tests.unit.knowledge.base import CHANNEL, MORNING, Base, accepted, answer, refused


def a_base() -> Base:
    base = Base()
    for id_ in ("seven-days", "statuses"):
        base.write(id_)
    return base


def open_(base: Base, session: str = "s1", id_: str = "seven-days", sender: str = CHANNEL, **data: Any) -> Decision:
    decision = base.send("article.opened", sender, article_id=id_, session=session, **data)
    accepted(decision)
    return decision


def vote(base: Base, helped: bool, session: str = "s1", words: str | None = None, **data: Any) -> Decision:
    decision = base.send(
        "article.helped", CHANNEL, article_id="seven-days", session=session, helped=helped, words=words, **data
    )
    accepted(decision)
    return decision


def file(base: Base, draft: str = "form", at: datetime | None = None, channel: str = CHANNEL) -> Decision:
    when = {} if at is None else {"at": at.isoformat()}
    return base.send("draft.filed", "intake", channel=channel, draft=draft, **when)


def test_an_opening_counts_once_for_each_session_article_and_day() -> None:
    base = a_base()
    for session, id_ in (("s1", "seven-days"), ("s1", "seven-days"), ("s2", "seven-days"), ("s1", "statuses")):
        open_(base, session, id_)
    open_(base, sender="game")
    assert (base.tally().viewed, base.tally("statuses").viewed) == (3, 1)
    base.now = MORNING.replace(day=3, hour=0)
    open_(base)
    assert (base.tally().viewed, base.tally(day="2026-03-03").viewed) == (3, 1)


def test_the_day_is_that_of_utc() -> None:
    base = a_base()
    base.now = MORNING.replace(hour=23, minute=59, second=59)
    open_(base)
    base.later(seconds=1)
    open_(base)
    assert (base.tally().viewed, base.tally(day="2026-03-03").viewed) == (1, 1)


def test_a_later_vote_of_the_day_replaces_the_earlier() -> None:
    base = a_base()
    for helped, counts in ((True, (1, 0)), (True, (1, 0)), (False, (0, 1)), (False, (0, 1)), (True, (1, 0))):
        vote(base, helped)
        assert (base.tally().helped, base.tally().not_helped) == counts
    vote(base, False, "s2")
    assert (base.tally().helped, base.tally().not_helped) == (1, 1)
    base.later(days=1)
    vote(base, False)
    assert (base.tally().helped, base.tally(day="2026-03-03").not_helped) == (1, 1)


def test_the_words_are_those_of_the_last_vote() -> None:
    base = a_base()
    vote(base, False, words="It is wrong.")
    (words,) = base.state.all_of(Words).values()
    assert (words.words, words.helped, words.article, words.day) == ("It is wrong.", False, "seven-days", "2026-03-02")
    assert words.forget_at == base.now + timedelta(days=180)
    vote(base, True)
    (words,) = base.state.all_of(Words).values()
    assert (words.words, words.helped) == ("", True)


def test_what_the_channel_may_not_see_does_not_count() -> None:
    base = a_base()
    base.write("inside", audience="internal")
    base.save("draft")
    for id_ in ("inside", "draft", "no-such"):
        about: dict[str, Any] = {"article_id": id_, "session": "s", "draft": "form"}
        refused(base.send("article.opened", CHANNEL, **about), "unknown_article")
        refused(base.send("article.helped", CHANNEL, **about, helped=True), "unknown_article")
    assert not base.state.all_of(Tally)
    assert not base.timers


def test_facts_hold_only_hashes_and_end_after_two_days() -> None:
    base = a_base()
    open_(base, "the-session", draft="the-form")
    vote(base, True, "the-session")
    stored: list[Fact | Vote] = [*base.state.all_of(Fact).values(), *base.state.all_of(Vote).values()]
    assert {value.forget_at for value in stored} == {base.now + timedelta(days=2)}
    everything = repr([stored, base.state.all_of(Draft), base.state.all_of(Tally), base.timers])
    assert "the-session" not in everything
    assert "the-form" not in everything


def test_a_draft_from_which_nothing_was_filed_for_a_day_is_deflected() -> None:
    base = a_base()
    open_(base, draft="form")
    base.later(hours=1)
    open_(base, id_="statuses", draft="form")
    open_(base, "s2", draft="form")
    (timer,) = base.timers.values()
    assert timer.timer.due == MORNING + timedelta(hours=24)
    base.now = timer.timer.due
    base.fire()
    assert [base.tally(id_).deflected for id_ in ("seven-days", "statuses", DESK)] == [1, 1, 1]
    open_(base, "s3", draft="form")
    vote(base, True, draft="form")
    assert not base.timers
    assert base.tally(DESK).deflected == 1


def test_a_vote_tells_that_the_article_was_opened_from_the_draft() -> None:
    base = a_base()
    vote(base, True, draft="form")
    base.later(hours=24)
    base.fire()
    assert base.tally().deflected == 1
    assert base.tally().viewed == 0


@pytest.mark.parametrize("order", [*permutations(["open", "file", "timer"])])
def test_what_was_filed_in_time_is_not_deflected_whatever_comes_first(order: Sequence[str]) -> None:
    """The event may come late, also after the timer: knowledge was away."""
    base = a_base()
    filed_at = MORNING + timedelta(hours=2)
    for step in order:
        if step == "open":
            open_(base, draft="form")
        elif step == "file":
            base.now = max(base.now, filed_at)
            file(base, at=filed_at)
        else:
            base.now = MORNING + timedelta(hours=25)
            base.fire()
    base.later(hours=30)
    base.fire()
    assert {tally.deflected for tally in base.state.all_of(Tally).values()} <= {0}


def test_what_is_filed_a_day_later_leaves_it_deflected() -> None:
    for before_the_timer in (True, False):
        base = a_base()
        open_(base, draft="form")
        late = MORNING + timedelta(hours=24, seconds=1)
        base.now = late
        if before_the_timer:
            file(base, at=late)
        base.fire()
        file(base, at=late)
        assert base.tally(DESK).deflected == 1


def test_a_draft_of_another_channel_is_another() -> None:
    base = a_base()
    open_(base, draft="form")
    file(base, channel="game")
    base.later(hours=24)
    base.fire()
    assert base.tally(DESK).deflected == 1


def test_a_draft_that_was_filed_and_never_opened_leaves_nothing() -> None:
    base = a_base()
    assert len(file(base).changes) == 1
    assert file(base).changes == ()
    (draft,) = base.state.all_of(Draft).values()
    assert draft.forget_at == base.now + timedelta(days=2)
    assert not base.timers


def test_of_one_draft_only_so_many_articles_count() -> None:
    base = Base()
    for number in range(MOST_OPENED + 3):
        base.write(f"a{number}")
        open_(base, id_=f"a{number}", draft="form")
    base.later(hours=24)
    base.fire()
    assert sum(tally.deflected for tally in base.state.all_of(Tally).values()) == MOST_OPENED + 1


SESSIONS, DRAFTS = st.sampled_from(["s1", "s2"]), st.sampled_from(["f1", "f2"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), SESSIONS, st.sampled_from(["seven-days", "statuses"]), DRAFTS | st.none()),
        st.tuples(st.just("vote"), SESSIONS, st.booleans()),
        st.tuples(st.just("file"), DRAFTS),
        st.tuples(st.just("wait"), st.integers(1, 30)),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_counts_are_what_a_list_of_all_that_happened_says(steps: list[tuple[Any, ...]]) -> None:
    base = a_base()
    opened: set[tuple[str, str, str]] = set()
    votes: dict[tuple[str, str], bool] = {}
    first: dict[str, datetime] = {}
    from_draft: dict[str, set[str]] = {}
    filed: dict[str, datetime] = {}
    for step in steps:
        day = base.now.date().isoformat()
        match step:
            case ("open", session, article, draft):
                open_(base, session, article, draft=draft)
                opened.add((session, article, day))
                if (
                    draft is not None
                    and draft not in filed
                    and base.now < first.get(draft, base.now) + timedelta(hours=24)
                ):
                    first.setdefault(draft, base.now)
                    from_draft.setdefault(draft, set()).add(article)
            case ("vote", session, helped):
                vote(base, helped, session)
                votes[session, day] = helped
            case ("file", draft):
                file(base, draft, base.now)
                filed.setdefault(draft, base.now)
            case ("wait", hours):
                # Timers fire when they are due.
                base.later(hours=hours)
                base.fire()
    base.later(hours=48)
    base.fire()
    tallies = base.state.all_of(Tally).values()
    assert sum(tally.viewed for tally in tallies) == len(opened)
    assert sum(tally.helped for tally in tallies) == sum(votes.values())
    assert sum(tally.not_helped for tally in tallies) == len(votes) - sum(votes.values())
    deflected = [draft for draft, at in first.items() if draft not in filed or filed[draft] >= at + timedelta(hours=24)]
    assert sum(tally.deflected for tally in tallies if tally.article == DESK) == len(deflected)
    assert sum(tally.deflected for tally in tallies if tally.article != DESK) == sum(
        len(from_draft[each]) for each in deflected
    )


def test_an_answer_says_nothing_but_that_it_counts() -> None:
    assert answer(open_(a_base()), Accepted) == Accepted()
