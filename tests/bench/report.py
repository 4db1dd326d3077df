"""What `make bench` prints and writes of what was measured: the figures, and each goal beside what was reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from tests.bench.articles.asked import Answered
from tests.bench.articles.bus import Articles
from tests.bench.backlog import Backlog
from tests.bench.fairness import Fairness
from tests.bench.latency import Latency
from tests.bench.measure import Rate
from tests.bench.memory import Memory
from tests.bench.timers import Lateness

Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` of the measurements named has to be at least, or at most, `bound`."""

    what: str
    of: tuple[str, ...]
    figure: Callable[[Results], float]
    bound: float
    at_least: bool

    def is_reached(self, results: Results) -> bool:
        """Whether it is, by these results."""
        value = self.figure(results)
        return value >= self.bound if self.at_least else value <= self.bound


GOALS = [
    Goal("intake, of the limit", ("intake", "limit"), lambda of: of["intake"].rate / of["limit"].rate, 0.5, True),
    Goal(
        "intake, times naive",
        ("intake", "naive-intake"),
        lambda of: of["intake"].rate / of["naive-intake"].rate,
        8,
        True,
    ),
    Goal("desk, times naive", ("desk", "naive-desk"), lambda of: of["desk"].rate / of["naive-desk"].rate, 5, True),
    Goal(
        "latency p50, times naive",
        ("latency", "naive-latency"),
        lambda of: of["latency"].p50 / of["naive-latency"].p50,
        1.5,
        False,
    ),
    Goal(
        "latency p99, times naive",
        ("latency", "naive-latency"),
        lambda of: of["latency"].p99 / of["naive-latency"].p99,
        1.5,
        False,
    ),
    Goal(
        "unevenness of agents' load, times that of a router without delay",
        ("fairness",),
        lambda of: of["fairness"].desk.mean / of["fairness"].ideal.mean,
        1.2,
        False,
    ),
    Goal("timers, p99 late in seconds", ("timers",), lambda of: of["timers"].p99, 1, False),
    Goal("timers that did not fire once", ("timers",), lambda of: of["timers"].not_once, 0, False),
    Goal(
        "a view behind a backlog, the longest in seconds",
        ("backlog",),
        lambda of: of["backlog"].view_largest,
        1,
        False,
    ),
    Goal(
        "an assignment behind a backlog, the longest in seconds",
        ("backlog",),
        lambda of: of["backlog"].assign_largest,
        15,
        False,
    ),
    Goal(
        "memory, many waiting over few, the worst service",
        ("memory",),
        lambda of: max(measured.ratio for measured in of["memory"].values()),
        1.2,
        False,
    ),
    Goal(
        "a suggestion among most articles, p99 in milliseconds",
        ("articles",),
        lambda of: max(each.p99 for each in _most(of["articles"]).quiet if each.what == "suggest"),
        30,
        False,
    ),
    Goal(
        "until both instances find a published article, the longest in seconds",
        ("articles",),
        lambda of: max(
            found.largest
            for measured in of["articles"].values()
            for found in (measured.found, measured.found_while_searching)
        ),
        1,
        False,
    ),
]


def _most(measured: Mapping[str, Articles]) -> Articles:
    return max(measured.values(), key=lambda each: each.articles)


def tables(results: Results) -> Iterator[Table]:
    """Everything that was measured, then the goals that it bears on."""
    rates = {name: value for name, value in results.items() if isinstance(value, Rate)}
    if rates:
        yield _rates(rates)
    latencies = {name: value for name, value in results.items() if isinstance(value, Latency)}
    if latencies:
        yield _latencies(latencies)
    if "fairness" in results:
        yield _fairness(results["fairness"])
    if "timers" in results:
        yield _lateness(results["timers"])
    if "backlog" in results:
        yield _backlog(results["backlog"])
    if "memory" in results:
        yield _memory(results["memory"])
    for measured in results.get("articles", {}).values():
        yield _articles(measured)
    goals = [goal for goal in GOALS if all(name in results for name in goal.of)]
    if goals:
        yield _goals(goals, results)


def as_json(results: Results) -> dict[str, Any]:
    """The same for a file, with the goals' figures."""
    measured = {
        name: {key: asdict(part) for key, part in value.items()} if isinstance(value, dict) else asdict(value)
        for name, value in results.items()
    }
    goals = {
        goal.what: {"figure": goal.figure(results), "goal": goal.bound, "reached": goal.is_reached(results)}
        for goal in GOALS
        if all(name in results for name in goal.of)
    }
    return {"measured": measured, "goals": goals}


def _rates(rates: Mapping[str, Rate]) -> Table:
    table = Table(
        "what", "a second", "times naive", "of the limit", "CPU ms each", "documents each", "bytes", title="Submissions"
    )
    for name, value in rates.items():
        is_desk = name.endswith(("desk", "desk-10"))
        naive = rates.get("naive-desk" if is_desk else "naive-intake")
        limit = None if is_desk else rates.get("limit")
        table.add_row(
            name,
            f"{value.rate:.0f}",
            f"{value.rate / naive.rate:.1f}" if naive else "–",
            f"{value.rate / limit.rate:.2f}" if limit else "–",
            f"{value.cpu_ms:.2f}",
            f"{value.documents:.2f}" if value.documents else "–",
            f"{value.bytes_stored:.0f}" if value.bytes_stored else "–",
        )
    return table


def _latencies(latencies: Mapping[str, Latency]) -> Table:
    table = Table("what", "count", "p50", "p99", "largest", title="Milliseconds from submission to agent, 50 a second")
    for name, value in latencies.items():
        table.add_row(name, str(value.count), f"{value.p50:.1f}", f"{value.p99:.1f}", f"{value.largest:.1f}")
    return table


def _fairness(day: Fairness) -> Table:
    title = (
        "Greatest less least open/capacity of eligible agents of one kind, over a day:"
        f" {day.tickets} tickets; one of the smallest capacity is {day.floor:.2f}"
    )
    table = Table("router", "answered", "samples", "mean", "p99", "largest", title=title)
    for name, spread in (("three instances", day.desk), ("one without delay, in memory", day.ideal)):
        figures = (f"{figure:.2f}" for figure in (spread.mean, spread.p99, spread.largest))
        table.add_row(name, str(spread.answered), str(spread.samples), *figures)
    return table


def _lateness(late: Lateness) -> Table:
    title = f"Timers: {late.armed} armed, {late.due} due within a minute, an instance killed in its middle"
    table = Table(
        "heard", "still armed", "in two turns", "heard twice", "p50 s", "p99 s", "largest s", "over 1 s", title=title
    )
    table.add_row(
        str(late.fired),
        str(late.left),
        str(late.fired_twice),
        str(late.heard_twice),
        f"{late.p50:.3f}",
        f"{late.p99:.3f}",
        f"{late.largest:.3f}",
        str(late.over_a_second),
    )
    return table


def _backlog(behind: Backlog) -> Table:
    title = (
        f"Seconds that it took with {behind.waiting:,} commands waiting for one intake, {behind.left:,} at the last;"
        f" the same view as a command took {behind.as_command:.1f}"
    )
    table = Table("what", "count", "p50", "largest", title=title)
    table.add_row("a view that is asked", str(behind.asked), f"{behind.view_p50:.3f}", f"{behind.view_largest:.3f}")
    table.add_row("an assignment", str(behind.assigned), f"{behind.assign_p50:.3f}", f"{behind.assign_largest:.3f}")
    return table


def _memory(peaks: Mapping[str, Memory]) -> Table:
    table = Table("service", "few waiting", "many waiting", "ratio", title="Peak memory, MiB")
    for service, peak in peaks.items():
        table.add_row(service, f"{peak.few:.0f}", f"{peak.many:.0f}", f"{peak.ratio:.2f}")
    return table


def _articles(measured: Articles) -> Table:
    title = (
        f"{measured.articles:,} articles: ready after {measured.start_s:.1f} s and {measured.start_cpu_s:.1f} s of CPU,"
        f" with {measured.memory_ready:.0f} MiB, {measured.memory_after:.0f} MiB after the questions."
        " Milliseconds:"
    )
    table = Table(
        "what", "a second", "asked", "unanswered", "p50", "p99", "largest", "p50, times bare", "CPU each", title=title
    )
    for beside, answered in (
        ("", measured.quiet),
        (f" behind {measured.left:,}", measured.behind),
        (", two instances, articles come", [measured.searched]),
    ):
        bare = next((each.p50 for each in answered if each.what == "bare"), None)
        for each in answered:
            table.add_row(f"{each.what}{beside}", *_answered(each, bare))
    for what, found in (("", measured.found), (" while searches run", measured.found_while_searching)):
        table.add_row(
            f"until two instances find an article{what}",
            "",
            str(found.count),
            "",
            f"{1000 * found.p50:.0f}",
            "",
            f"{1000 * found.largest:.0f}",
        )
    return table


def _answered(each: Answered, bare: float | None) -> Iterator[str]:
    yield from (str(each.a_second), str(each.asked), str(each.unanswered))
    yield from (f"{each.p50:.1f}", f"{each.p99:.1f}", f"{each.largest:.1f}")
    yield "–" if bare is None else f"{each.p50 / bare:.1f}"
    yield "–" if bare is None else f"{each.cpu_ms:.2f}"  # publications cost too


def _goals(goals: list[Goal], results: Results) -> Table:
    table = Table("goal", "at", "reached", "", title="Goals")
    for goal in goals:
        bound = f"{'≥' if goal.at_least else '≤'} {goal.bound:g}"
        verdict = "yes" if goal.is_reached(results) else "NO"
        table.add_row(goal.what, bound, f"{goal.figure(results):.2f}", verdict)
    return table
