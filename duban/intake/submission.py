"""Turns the fields of a form into a Report, with every mistake at once. Pure.

Numbers may come as clerks type them: full-width digits, a thousands comma, a trailing percent sign.
What cannot be read is refused with its field, never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from duban.errors import Issues, Place
from duban.ledger.transitions import FINISHES, LIMITS, Report, Stored
from duban.matrix.model import Indicator

FIGURE = "figure."
"""Fields named ``figure.<indicator id>`` hold values of indicators."""
TEXT_NAMES: Mapping[str, str] = {
    "progress": "本期进展",
    "problem": "存在问题",
    "next_step": "下一步打算",
}
SIGNER_CHARS = 40
_MOST_DIGITS = 15


def read_report(
    fields: Mapping[str, str],
    *,
    kind: str,
    indicators: Sequence[Indicator] = (),
    files: Sequence[Stored] = (),
    door: str = "link",
    idem_key: str | None = None,
    today: date | None = None,
) -> tuple[Report, Issues]:
    """The report that a form's fields make, and what is wrong with them.

    ``kind`` is the obligation's: finishes and milestones need a percent, periodic reports may leave it
    out. ``fields["nil"] == "1"`` is 无变化: texts and figures are not asked for. The Report is complete
    only when the Issues hold no error.
    """
    issues = Issues()
    nil = fields.get("nil") == "1"
    texts = {name: _text(fields, name, issues) for name in TEXT_NAMES}
    if not nil and not texts["progress"] and not any(each.code == "too-long" for each in issues):
        issues.error(
            "empty",
            Place(TEXT_NAMES["progress"]),
            "还没有填写。",
            "写一两句做了什么、有何成效；确无变化请点“无变化”。",
        )
    report = Report(
        **texts,
        percent=_percent(fields.get("percent", ""), needed=kind in FINISHES and not nil, to=issues),
        nil=nil,
        figures={} if nil else _figures(fields, indicators, issues),
        files=tuple(files),
        signed_by=_signer(fields, issues),
        stated_on=_stated(fields.get("stated_on", ""), today, issues),
        door=door,
        idem_key=idem_key,
    )
    return report, issues


def clean(text: str) -> str:
    """Text without control and direction-turning characters, line ends as ``\\n``, edges trimmed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        char
        for char in lines
        if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
    ).strip()


def _text(fields: Mapping[str, str], name: str, issues: Issues) -> str:
    text = clean(fields.get(name, ""))
    limit = LIMITS[name]
    if len(text) > limit:
        issues.error(
            "too-long",
            Place(TEXT_NAMES[name]),
            f"写了{len(text)}字，超过{limit}字。",
            "精简后再提交，细节放进附件。",
        )
    return text


def _percent(raw: str, *, needed: bool, to: Issues) -> int | None:
    text = unicodedata.normalize("NFKC", raw).strip().rstrip("%").strip()
    place = Place("累计进度")
    if not text:
        if needed:
            to.error("percent-missing", place, "还没有填写。", "选一个进度，办结填 100。")
        return None
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 100:
        to.error("percent", place, f"“{raw[:20]}”不是 0 到 100 的整数。", "改成如 75。")
        return None
    return int(text)


def _figures(
    fields: Mapping[str, str], indicators: Sequence[Indicator], issues: Issues
) -> dict[str, Decimal]:
    found = {}
    for indicator in indicators:
        raw = fields.get(FIGURE + indicator.id, "")
        value = read_figure(raw)
        if value is not None:
            found[indicator.id] = value
        elif raw.strip():
            issues.error(
                "figure",
                Place(indicator.name),
                f"“{raw.strip()[:20]}”不是一个数。",
                f"只写数字，不写单位和“约”“多”，单位是{indicator.unit}；没有新数就留空。",
            )
    return found


def read_figure(raw: str) -> Decimal | None:
    """A plain number as a clerk types it (``１,２３４．５``), or None."""
    text = unicodedata.normalize("NFKC", raw).strip()
    if not re.fullmatch(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?", text):
        return None
    if sum(char.isdigit() for char in text) > _MOST_DIGITS:
        return None
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def _signer(fields: Mapping[str, str], issues: Issues) -> str:
    name = " ".join(clean(fields.get("signed_by", "")).split())
    if len(name) > SIGNER_CHARS:
        issues.error("signer", Place("审签人"), f"超过{SIGNER_CHARS}字。", "只写姓名和职务。")
    return name[:SIGNER_CHARS]


def _stated(raw: str, today: date | None, issues: Issues) -> date | None:
    """The day on which the unit says it was done; kept beside our own received-at stamp."""
    text = unicodedata.normalize("NFKC", raw).strip()
    if not text:
        return None
    place = Place("完成日期")
    day = read_day(text)
    if day is None:
        issues.error("stated-on", place, f"“{text[:20]}”不是日期。", "写成 2026-11-22，或留空。")
    elif today is not None and day > today:
        issues.error("stated-on", place, f"{day} 还没有到。", "填实际完成的日期，或留空。")
        return None
    return day


def read_day(text: str) -> date | None:
    """A day written ``2026-11-22``, ``2026/11/22`` or ``2026年11月22日``, or None."""
    found = re.fullmatch(
        r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", unicodedata.normalize("NFKC", text).strip()
    )
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
