"""`python -m tests.bench.articles.speed 1000 100000`: how fast the index of so many texts is, and what it takes.

It calls the index in one thread, without bus and database, for each number of texts in a process of its own. The page
is docs/knowledge.md, "How fast it is".
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from itertools import islice

import numpy as np
import psutil
import typer
from rich.console import Console
from rich.table import Table

from services.knowledge.search.index import Index, search
from services.knowledge.search.values import Wanted
from services.meaning.vectors import shipped as shipped_model
from tests.bench.articles.made import made_texts
from tests.bench.articles.shipped import questions

TOGETHER = 1_000
"""Texts that come together at the start, as in the service."""

ROUNDS = 3
MIB = 1024 * 1024


def main(texts: list[int]) -> None:
    """Measure and print."""
    table = Table(title="one process, one thread", title_justify="left", box=None, pad_edge=False)
    for column in ("texts", "what", "p50, ms", "p99, ms", "CPU, ms", "or"):
        table.add_column(column, no_wrap=True)
    for number in texts:
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            for row in alone.apply(_measured, (number,)):
                table.add_row(f"{number:,}", *row)
    Console(width=120).print(table)


def _measured(number: int) -> list[tuple[str, ...]]:
    process = psutil.Process()
    index = Index({"en": shipped_model().vector})
    texts = made_texts(number)
    index.replace([next(texts)])
    gc.collect()
    before, wall, cpu = process.memory_info().rss, 0.0, 0.0
    while together := list(islice(texts, TOGETHER)):
        began, used = time.perf_counter(), time.process_time()
        index.replace(together)
        wall += time.perf_counter() - began
        cpu += time.process_time() - used
    gc.collect()
    taken = (process.memory_info().rss - before) / MIB
    text = next(made_texts(1))
    rows: list[tuple[str, ...]] = [
        ("start", "", "", "", f"{wall:.1f} s, {cpu:.1f} s of CPU"),
        ("memory", "", "", "", f"{taken:.0f} MiB"),
        ("one text is replaced", *_times([partial(index.replace, [text])] * 20), ""),
    ]
    asked = [question.words for question in questions() if question.language == "en"] * ROUNDS
    for name, typing, most, words in (
        ("suggest, as questions end", True, 5, asked),
        ("suggest, half typed", True, 5, [each[: max(3, len(each) // 2)] for each in asked]),
        ("suggest, three letters", True, 5, [each[:3] for each in asked]),
        ("search", False, 20, asked),
        ("search, 1,000 characters", False, 20, [" ".join(asked[place : place + 50])[:1_000] for place in range(50)]),
    ):
        wanted = [Wanted(each, ("en",), typing=typing, most=most) for each in words]
        rows.append((name, *_times([partial(search, each, [index]) for each in wanted]), ""))
    return rows


def _times(calls: list[Callable[[], object]]) -> tuple[str, str, str]:
    """Median and 99th percentile of what the calls take, and the mean of the CPU time in all threads."""
    taken = []
    used = time.process_time()
    for call in calls:
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    used = time.process_time() - used
    middle, high = np.quantile(np.array(taken) * 1_000, (0.5, 0.99))
    return f"{middle:.2f}", f"{high:.2f}", f"{used / len(calls) * 1_000:.2f}"


if __name__ == "__main__":
    typer.run(main)
