"""The demo's own sums: what is fed, what is done later, and that broken promises are noticed."""

import io
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import contracts
from contracts.articles import ArticleHit
from contracts.envelope import parse
from deploy.cli.articles.folder import Article
from deploy.cli.percentile import percentile
from deploy.demo.articles import Published
from deploy.demo.bad_input import Trial
from deploy.demo.channels import NAMES, plan
from deploy.demo.checks import check, check_articles
from deploy.demo.dead import DeadLetter
from deploy.demo.facts import Facts
from deploy.demo.form import Offer, typing
from deploy.demo.heard import Heard
from deploy.demo.run import Later, Run
from deploy.demo.seekers import SEEKERS, Seeking, Sought
from deploy.demo.speaker import Answer, Sent, Speaker, latencies
from deploy.demo.summary import Summary
from services.client import core
from services.client.errors import NotTaken
from services.meaning.vectors import shipped as meanings
from tests.bench.articles.methods import ours
from tests.bench.articles.shipped import Asked, shipped

EXAMPLES = Path(contracts.__file__).parent / "examples"
REQUESTER = {"account_id": "ana", "display_name": "Ana", "tier": "standard"}


def test_a_plan_feeds_everything_some_twice_and_some_resent() -> None:
    run = Run("r1", 1.0, 5, None)
    requests = [{"requester": REQUESTER, "subject": f"{row}"} for row in range(110)]
    shares = plan(run, requests)
    sent = [submission for share in shares.values() for submission in share]
    times = Counter(submission.id for submission in sent)
    subjects = Counter(submission.data["subject"] for submission in sent)
    assert set(shares) == set(NAMES)
    assert all(shares.values())
    assert Counter(times.values()) == {1: 110, 3: 10}  # ten of them duplicates with an id of their own
    assert Counter(subjects.values()) == {1: 90, 2: 10, 3: 10}
    assert all(submission.data["requester"]["account_id"] == "r1-ana" for submission in sent)


def test_a_sample_goes_by_its_own_channel_and_does_not_send_its_name() -> None:
    shares = plan(Run("r1", 1.0, 5, None), [{"requester": REQUESTER, "channel": "mail"}])
    assert [len(shares[name]) for name in NAMES] == [0, 0, 1]
    assert "channel" not in shares["mail"][0].data


def test_later_does_what_is_due_in_order_and_the_newest_about_each_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    done: list[str] = []
    monkeypatch.setattr("deploy.demo.run.time.monotonic", lambda: clock[0])
    later = Later()
    later.after(3, "x", lambda: done.append("x, at first"))
    later.after(2, "y", lambda: done.append("y"))
    later.after(1, "x", lambda: done.append("x"))
    later.after(1, "z", lambda: done.append("z"))
    later.forget("z")
    assert len(later) == 2
    for clock[0] in (100.5, 101.0, 105.0):
        later.do_what_is_due()
    assert done == ["x", "y"]
    assert len(later) == 0


class FakeSender:
    """A speaker as checks see it."""

    name = "web"

    def __init__(self, *sent: Sent) -> None:
        self.sent = dict(enumerate(sent))
        self.not_taken: list[NotTaken] = []


class FakeAgent:
    """An agent as checks see it."""

    id = "a1"
    most_unanswered = 5

    def __init__(self, *numbers: str) -> None:
        self.received = dict.fromkeys(numbers, 2.0)


def submission(*answers: Answer) -> Sent:
    return Sent("ticket.submit", 1.0, {answer.id: answer for answer in answers})


OPENED = Answer("o1", "ticket.opened", 1.5, number="10000001")
DUPLICATE = Answer("o2", "ticket.duplicate", 1.5, number="10000001", version=3, note="n1")
GOOD = Facts(
    tickets=[{"_id": "t1", "number": "10000001", "status": "assigned", "agent": {"id": "a1"}}],
    notes={},
    disagreements=[],
    clocks=Counter(),
    timers={"t1": {"warning", "breach"}},
    deliveries=Counter({("receipt", "email", "sent"): 1}),
    told_twice=0,
    mails={"m1"},
    open_twice=[],
    readings=Counter({"viewed": 2, "helped": 1, "not helped": 1, "words": 1}),
    drafts={"r1-nora-form": "waits", "r1-omar-form": "filed"},
)


def broken(
    facts: Facts = GOOD,
    senders: tuple[Any, ...] = (FakeSender(submission(OPENED)),),
    agent: Any = FakeAgent("10000001"),  # noqa: B008 - never changed
    trials: tuple[Trial, ...] = (),
    dead: tuple[DeadLetter, ...] = (),
) -> list[str]:
    heard = Heard(senders, (), (agent,), capacity=5)
    return [finding.promise for finding in check(facts, heard, trials, dead, {"d1"}, {"m1"}) if finding.against]


def test_a_good_run_breaks_no_promise() -> None:
    assert broken(trials=(Trial("x", "invalid", "invalid"),), dead=(DeadLetter("d1", "q", "not JSON"),)) == []


@pytest.mark.parametrize(
    ("promise", "given"),
    [
        ("exactly one outcome", {"senders": (FakeSender(submission(OPENED), submission()),)}),
        ("exactly one outcome", {"senders": (FakeSender(submission(OPENED, replace(OPENED, id="o2"))),)}),
        ("announced as opened", {"senders": (FakeSender(),)}),
        ("two open tickets", {"facts": replace(GOOD, open_twice=["account:ana"])}),
        ("answered as a duplicate", {"senders": (FakeSender(submission(OPENED), submission(DUPLICATE)),)}),
        ("answered as a duplicate", {"facts": replace(GOOD, notes={"n1": ("10000001", 3)})}),
        (
            "answered as a duplicate",
            {
                "facts": replace(GOOD, notes={"n2": ("10000001", 3)}),
                "senders": (FakeSender(submission(OPENED), submission(DUPLICATE)),),
            },
        ),
        (
            "answered as a duplicate",
            {
                "facts": replace(GOOD, notes={"n1": ("10000001", 3)}),
                "senders": (
                    FakeSender(submission(OPENED), submission(DUPLICATE), submission(replace(DUPLICATE, id="o3"))),
                ),
            },
        ),
        ("heard of it, and nobody else", {"agent": FakeAgent()}),
        ("more than their capacity", {"agent": type("Busy", (FakeAgent,), {"most_unanswered": 6})("10000001")}),
        ("agree with intake on every open ticket", {"facts": replace(GOOD, disagreements=["1 without the timers"])}),
        ("heard anything twice", {"facts": replace(GOOD, told_twice=1)}),
        ("heard anything twice", {"facts": replace(GOOD, deliveries=Counter({("receipt", "email", "failed"): 1}))}),
        ("sent has arrived", {"facts": replace(GOOD, mails={"m1", "m2"})}),
        ("bad input", {"trials": (Trial("x", "invalid", "ticket.opened"),)}),
        ("had to die", {"dead": (DeadLetter("d2", "q", "poison"),)}),
    ],
)
def test_each_broken_promise_is_noticed(promise: str, given: dict[str, Any]) -> None:
    assert any(promise in sentence for sentence in broken(**given))


def hit(id_: str) -> ArticleHit:
    return ArticleHit(
        id=id_, title=id_.title(), summary="", category="billing", audience="public", language="en", version=1
    )


@pytest.mark.parametrize(
    ("shown", "typed", "title"),
    [
        ({"c": "b", "ca": "ab", "can": "ab", "cant": "ab"}, "cant", "A"),
        ({"c": "a", "ca": "ab", "can": "ba", "cant": "ab", "cant ge": "ba"}, "cant ge", "A"),
        ({"cant ge": "bcdea"}, "cant ge", "A"),
        ({"c": "a", "ca": "a", "cant ge": "b"}, "cant ge", ""),
        ({}, "cant ge", ""),
    ],
)
def test_a_person_types_until_the_article_has_stood_first_for_three_letters(
    shown: dict[str, str], typed: str, title: str
) -> None:
    offer = typing("cant ge", "a", lambda words: [hit(id_) for id_ in shown.get(words, "")])
    assert (offer.typed, offer.title, len(offer.waits)) == (typed, title, len(typed))


def test_everybody_is_offered_the_right_one_of_the_shipped_articles() -> None:
    """By the search alone: a change that makes it worse for the demo's people shows here first."""
    find = ours(shipped(), {"en": meanings().vector})
    for seeker in SEEKERS:

        def suggest(words: str, language: str = seeker.language) -> list[ArticleHit]:
            return [hit(id_) for id_ in find(Asked(words, language, "half", frozenset()))]

        offer = typing(seeker.words, seeker.article, suggest)
        assert offer.title, seeker.name
        assert len(offer.typed) < len(seeker.words), f"{seeker.name} had to type all"


def sought(name: str, number: str = "", title: str = "Sound") -> Sought:
    (seeker,) = (each for each in SEEKERS if each.name == name)
    sender: Any = FakeSender()
    return Sought(seeker, Offer("no", title, [0.01, 0.02]), number, sender, f"r1-{name.lower()}-form")


def an_article(id_: str, audience: Any) -> Article:
    return Article(id_, "billing", audience, "en", {})


PUBLISHED = Published([an_article("sound-and-voice", "public"), an_article("staff-notes", "internal")])
SEEN = Seeking({"sound-and-voice"}, [sought("Nora"), sought("Omar", "10000002")])


def broken_about_articles(published: Published = PUBLISHED, seeking: Seeking = SEEN, facts: Facts = GOOD) -> list[str]:
    return [finding.promise for finding in check_articles(published, seeking, facts) if finding.against]


def test_readers_who_were_served_well_break_no_promise() -> None:
    assert broken_about_articles() == []


@pytest.mark.parametrize(
    ("promise", "given"),
    [
        ("shown every shipped article", {"published": replace(PUBLISHED, refused=["sound: forbidden"])}),
        ("shown every shipped article", {"seeking": replace(SEEN, shown=set())}),
        ("none for staff", {"seeking": replace(SEEN, shown={"sound-and-voice", "staff-notes"})}),
        ("was offered the article", {"seeking": replace(SEEN, sought=[*SEEN.sought, sought("Tom", title="")])}),
        ("reading counts once", {"facts": replace(GOOD, readings=GOOD.readings + Counter(viewed=1))}),
        ("reading counts once", {"facts": replace(GOOD, readings=GOOD.readings - Counter(helped=1))}),
        ("reading counts once", {"facts": replace(GOOD, readings=GOOD.readings - Counter(words=1))}),
        ("known as filed", {"facts": replace(GOOD, drafts={"r1-nora-form": "waits", "r1-omar-form": "waits"})}),
        ("known as filed", {"facts": replace(GOOD, drafts={"r1-nora-form": "filed", "r1-omar-form": "filed"})}),
        ("known as filed", {"facts": replace(GOOD, drafts={"r1-omar-form": "filed"})}),
    ],
)
def test_each_broken_promise_about_articles_is_noticed(promise: str, given: dict[str, Any]) -> None:
    (found,) = broken_about_articles(**given)
    assert promise in found


def test_the_summary_says_what_became_of_questions() -> None:
    printed = io.StringIO()
    seeking = replace(SEEN, sought=[*SEEN.sought, sought("Tom", title="")])
    Summary(Console(file=printed, width=200)).articles(PUBLISHED, seeking)
    said = " ".join(printed.getvalue().split())
    assert "published 2 in 0 languages: 1 for everybody, 1 for staff" in said
    assert "suggestions asked 6, by 3 who typed letter by letter: median 20 ms" in said
    assert "offered the right one 2, after 2 letters (median)" in said
    assert "helped, filed nothing 1" in said
    assert "filed all the same 1; Omar: “The order says completed" in said


def test_a_note_may_be_a_duplicate_or_a_reply_in_the_words_of_the_one_before() -> None:
    """The button was pressed twice, both answered `ticket.similar`, and both times "it is the same": two equal
    replies."""
    first = Sent("ticket.reply", 1.0, {"o3": Answer("o3", "command.accepted", 1.5, number="10000001", version=4)})
    second = Sent("ticket.reply", 1.0, {"o4": Answer("o4", "command.accepted", 1.5, number="10000001", version=5)})
    facts = replace(GOOD, notes={"n1": ("10000001", 3), "n2": ("10000001", 5)})
    assert broken(facts, (FakeSender(submission(OPENED), submission(DUPLICATE), first, second),)) == []


class FakeClient:
    """A client that hears what `heard` holds."""

    user = "web"

    def __init__(self) -> None:
        self.published: list[core.Sending] = []
        self.heard: list[core.Heard] = []

    def publish(self, sending: core.Sending) -> Future[None]:
        self.published.append(sending)
        return Future()

    def hear(self, timeout: float) -> core.Heard | None:
        return self.heard.pop(0) if self.heard else None


def outcome(cause: str, type_: str, id_: str = "o1") -> core.Outcome:
    """The contract's example of that outcome, as it comes for a command."""
    body = (EXAMPLES / f"outcome.{type_}.json").read_bytes()
    return core.Outcome(replace(parse(body), id=id_, causationid=cause), body, "outcome")


def test_a_command_waits_until_its_first_outcome_and_counts_once() -> None:
    client = FakeClient()
    speaker = Speaker(client)  # type: ignore[arg-type]
    speaker.say("ticket.submit", {}, id_="c1")
    speaker.say("ticket.submit", {}, id_="c1")
    assert (speaker.waiting, len(client.published)) == (1, 2)
    same = outcome("c1", "ticket.duplicate")
    others = (outcome("c1", "command.rejected", "o2"), outcome("somebody else's", "ticket.duplicate", "o3"))
    client.heard = [same, same, *others]
    while speaker.hear(0) is not None:
        pass
    assert speaker.waiting == 0
    assert list(speaker.sent["c1"].answers) == ["o1", "o2"]
    answer = speaker.sent["c1"].answer
    assert answer is not None
    assert (answer.number, answer.version) == ("00004217", 2)
    assert answer.note == "cc3b59f66111e38076cc2caa5f08dc6a"
    assert speaker.outcomes == {"ticket.duplicate": 1}


def test_a_rejection_is_labelled_with_its_code() -> None:
    client = FakeClient()
    speaker = Speaker(client)  # type: ignore[arg-type]
    speaker.say("ticket.submit", {}, id_="c1")
    client.heard = [outcome("c1", "command.rejected")]
    speaker.hear(0)
    assert speaker.outcomes == {"command.rejected (invalid)": 1}


def test_what_the_broker_did_not_take_breaks_a_promise() -> None:
    sender = FakeSender(submission(OPENED))
    sender.not_taken.append(NotTaken("c1", "ticket.submit", "its queue is full"))
    assert "the broker took and routed everything" in broken(senders=(sender,))


def test_latencies_are_ascending_and_leave_out_what_has_no_outcome() -> None:
    slow, quick = submission(replace(OPENED, at=9.0)), submission(OPENED)
    assert latencies([slow, submission(), quick]) == [0.5, 8.0]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0.0), ([7.0], 0.99, 7.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 3.0), ([1.0, 2.0], 1.0, 2.0)],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected
