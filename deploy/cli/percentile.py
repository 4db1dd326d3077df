"""Percentiles: the median, and the value that only one in a hundred exceeds."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(ascending: Sequence[float], share: float) -> float:
    """The value below which `share` (0–1) of the values lie, by nearest rank; 0 for none."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else 0.0
