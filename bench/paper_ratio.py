"""Sixty unit papers (Word and PDF) in one run against sixty times a single warm one. CPU seconds."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from duban import clock
from duban.reports.officepaper import Item
from duban.reports.paperfiles import docx_of, pdf_of
from duban.reports.papertemplate import sample

AT = datetime(2026, 11, 23, 9, tzinfo=clock.SHANGHAI)
UNITS, GOAL = 60, 1.0


def make(number: int) -> int:
    """One unit's paper in both forms; its bytes."""
    items = tuple(
        Item(f"T-{n}", f"任务{n}", "11月报送", "2026年11月20日", "逾期3天") for n in range(3)
    )
    facts = replace(sample("supervise"), number=f"督〔2026〕{number}号", items=items)
    return len(docx_of(facts, None, AT)) + len(pdf_of(facts, AT))


def spent(count: int, first: int) -> float:
    """CPU seconds of so many papers."""
    start = time.process_time()
    for number in range(first, first + count):
        make(number)
    return time.process_time() - start


def main() -> None:
    """Measure and tell."""
    spent(2, 1)  # fonts and styles are read once
    single = sorted(spent(1, 10 + n) for n in range(9))[4]
    ratio = spent(UNITS, 100) / (UNITS * single)
    print(
        f"{'达标' if ratio <= GOAL else '超出'}  {ratio:6.3f} ≤ {GOAL:.2f}  60 份 ÷ 60 × 单份（热）"
    )
    print(f"      单份 {single * 1000:.0f} 毫秒")


if __name__ == "__main__":
    main()
