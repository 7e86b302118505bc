"""Shares and rates without floats: tenths of a percent as integers."""

from __future__ import annotations

from collections.abc import Sequence

WHOLE = 1000


def shares(counts: Sequence[int]) -> tuple[int, ...]:
    """Tenths of a percent that add to exactly 1000 (100.0 %), by largest remainder; all 0 of nothing.

    Equal remainders go to the earlier count, so the same counts always give the same shares.
    """
    total = sum(counts)
    if total == 0:
        return tuple(0 for _ in counts)
    floors = [count * WHOLE // total for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda at: (-(counts[at] * WHOLE % total), at))
    for at in by_remainder[: WHOLE - sum(floors)]:
        floors[at] += 1
    return tuple(floors)


def rate(part: int, whole: int) -> int | None:
    """Tenths of a percent of a part, rounded half up; None of nothing."""
    return None if whole == 0 else (2 * part * WHOLE + whole) // (2 * whole)


def percent(tenths: int | None) -> str:
    """``38.5%``; a dash when there is nothing to speak of."""
    return "—" if tenths is None else f"{tenths // 10}.{tenths % 10}%"
