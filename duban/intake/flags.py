"""Marks what a reviewer should look at twice in a report. Pure; a flag accuses nobody and decides nothing.

Everything is counted in whole numbers. Texts are compared without spaces and punctuation, by the pairs of
characters they share; short ones are never called copies, for two clerks may well write the same sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

SHORT_CHARS = 8
"""A report with fewer characters of text than this says too little."""
SAME_PERCENT = 90
"""From this likeness on, two texts count as copied."""
COPY_CHARS, PEER_CHARS = 12, 24
"""Shorter texts are not compared: with the own last one, with another unit's."""
JUMP_FACTOR = 5
"""A number that grows or shrinks by more than this many times is worth a question."""
NAMES: Mapping[str, str] = {
    "short": "内容过短",
    "same-as-before": "照抄上次",
    "same-as-returned": "退回后未改",
    "same-as-peer": "与别的单位雷同",
    "figure-fell": "累计数下降",
    "figure-jump": "数字突变",
    "percent-back": "进度倒退",
    "no-evidence": "缺佐证",
    "old-evidence": "佐证旧用",
    "stated-later": "日期在后",
    "not-whole": "称办结未满",
}
"""The flags with the few words that stand in a list."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A doubt: its code, and the sentence for the reviewer."""

    code: str
    sentence: str

    @property
    def name(self) -> str:
        """The few words for a list."""
        return NAMES[self.code]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is asked for. ``measure``: stock, flow or cumulative."""

    name: str
    measure: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one report says. ``label``: of which period; ``hashes``: of its files."""

    text: str = ""
    percent: int | None = None
    figures: Mapping[str, Decimal] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A report and what it is judged beside. ``peers``: (unit's name, text) of others for the same period.

    ``same_item``: whether ``before`` is about the same item (its percent can then be compared).
    ``old_files``: name of a file and where it came before, in a period of its own.
    """

    told: Told
    nil: bool = False
    before: Told | None = None
    same_item: bool = True
    sent_back: Told | None = None
    peers: Sequence[tuple[str, str]] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    wants_evidence: bool = False
    files: int = 0
    old_files: Sequence[tuple[str, str]] = ()
    stated_on: date | None = None
    received_on: date | None = None


def flags(case: Case) -> tuple[Flag, ...]:
    """Every doubt about a report, in a fixed order."""
    found = [*_dates(case), *_numbers(case)]
    if not case.nil:
        found = [*_texts(case), *found, *_claims(case)]
    return (*found, *_evidence(case))


# ---- texts --------------------------------------------------------------------------------------


def _texts(case: Case) -> Iterable[Flag]:
    length = len(plain(case.told.text))
    if length < SHORT_CHARS:
        said = f"本期进展只有{length}个字" if length else "本期进展是空的"
        yield Flag("short", f"{said}，看不出做了什么。")
    if case.sent_back and alike(case.told.text, case.sent_back.text, least=COPY_CHARS):
        yield Flag("same-as-returned", "退回后重报的文字与退回前几乎一样。")
    elif case.before and alike(case.told.text, case.before.text, least=COPY_CHARS):
        when = f"（{case.before.label}）" if case.before.label else ""
        yield Flag("same-as-before", f"本期进展与上次{when}几乎一样。")
    twins = [unit for unit, text in case.peers if alike(case.told.text, text, least=PEER_CHARS)]
    if twins:
        others = f"等{len(twins)}个单位" if len(twins) > 1 else ""
        yield Flag("same-as-peer", f"本期进展与{twins[0]}{others}同期所报几乎一样。")


def plain(text: str) -> str:
    """Text as it is compared: one width, no spaces, no punctuation."""
    wide = unicodedata.normalize("NFKC", text)
    return "".join(char for char in wide if unicodedata.category(char)[0] in "LN")


def alike(one: str, other: str, *, least: int) -> bool:
    """Whether two texts are the same but for a few characters; texts under ``least`` characters never."""
    first, second = plain(one), plain(other)
    if min(len(first), len(second)) < least:
        return False
    if first == second:
        return True
    longer, shorter = max(len(first), len(second)), min(len(first), len(second))
    if shorter * 100 < longer * (SAME_PERCENT - 10):
        return False  # too different in length to come near: spares the counting
    pairs, others = _pairs(first), _pairs(second)
    shared = sum((pairs & others).values())
    return 200 * shared >= SAME_PERCENT * (pairs.total() + others.total())


def _pairs(text: str) -> Counter[str]:
    return Counter(text[place : place + 2] for place in range(len(text) - 1))


_CLAIM = re.compile(
    r"(?P<no>(?:未|没有|尚|将|拟|待|力争|争取|确保|预计|计划于|有望|可望|希望)[^，。；！？\n]{0,8})?"
    r"(?:已经?(?:全部|全面|如期|按期|圆满)?(?:办结|完结)|已经?(?:全部|全面|如期|按期|圆满)完成"
    r"|(?:全部|均已)(?:办结|完成)|(?:申请|建议|请予)(?:销号|办结))"
)


def claims_done(text: str) -> bool:
    """Whether a text says that all is done; plans, hopes and denials do not count."""
    for clause in re.split(r"[，。；！？\n]", text):
        found = _CLAIM.search(clause)
        if found and not found["no"]:
            return True
    return False


def _claims(case: Case) -> Iterable[Flag]:
    percent = case.told.percent
    if percent is not None and percent < 100 and claims_done(case.told.text):
        yield Flag("not-whole", f"文字说已经办结，累计进度却只填了{percent}%。")


# ---- numbers ------------------------------------------------------------------------------------


def _numbers(case: Case) -> Iterable[Flag]:
    before = case.before
    if before is None:
        return
    now, then = case.told.percent, before.percent
    if case.same_item and now is not None and then is not None and now < then:
        yield Flag("percent-back", f"累计进度从{then}%退到{now}%。")
    for key, value in case.told.figures.items():
        old = before.figures.get(key)
        figure = case.figures.get(key, Figure(key, "stock"))
        if old is not None:
            yield from _figure(figure, old, value)


def _figure(figure: Figure, old: Decimal, value: Decimal) -> Iterable[Flag]:
    span = f"{figure.name}从{_number(old)}变成{_number(value)}"
    if figure.measure == "cumulative" and value < old:
        yield Flag("figure-fell", f"{span}：这是累计数，不应减少。")
    elif _jumps(abs(old), abs(value)):
        yield Flag("figure-jump", f"{span}，相差超过{JUMP_FACTOR}倍，请核对单位和小数点。")


def _jumps(old: Decimal, value: Decimal) -> bool:
    """Small counts jump by nature: from 1 to 6 is no news, from 20 to 120 is."""
    low, high = min(old, value), max(old, value)
    return low > 0 and high > JUMP_FACTOR * low and high - low >= 20


def _number(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# ---- dates and files ----------------------------------------------------------------------------


def _dates(case: Case) -> Iterable[Flag]:
    stated, received = case.stated_on, case.received_on
    if stated is not None and received is not None and stated > received:
        yield Flag("stated-later", f"自述{stated}完成，比收到这份报送的{received}还晚。")


def _evidence(case: Case) -> Iterable[Flag]:
    if case.wants_evidence and not case.files and not case.nil:
        yield Flag("no-evidence", "任务要求交佐证材料，这次没有附件。")
    for name, where in case.old_files:
        yield Flag("old-evidence", f"附件“{name}”与{where}交过的一模一样。")
