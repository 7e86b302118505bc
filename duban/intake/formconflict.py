"""A form against a ledger that has moved on: the same said again, or both sides shown. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duban import clock
from duban.intake.submission import TEXT_NAMES
from duban.ledger.canon import canonical
from duban.ledger.transitions import Report

_SHOWN_CHARS = 200
_NOTHING = "（空）"


@dataclass(frozen=True, slots=True)
class Side:
    """One part of a report that differs: what the ledger has, what the form says."""

    name: str
    ledger: str
    form: str


def said_already(last: Mapping[Any, Any], report: Report) -> bool:
    """Whether the last submission says all of this already and was not returned."""
    same = all(last[name] == getattr(report, name).strip() for name in TEXT_NAMES)
    return (
        same
        and (last["percent"], bool(last["nil"])) == (report.percent, report.nil)
        and last["figures"] == canonical(dict(report.figures))
        and last["signed_by"] == report.signed_by
        and last["state"] != "returned"
    )


def sides(last: Mapping[Any, Any] | None, report: Report) -> tuple[Side, ...]:
    """What the ledger and the form say, where they differ."""
    ledger = _parts(last) if last is not None else {}
    figures = {name: str(value) for name, value in report.figures.items()}
    form = _said(report.nil, report.percent, figures) | {
        title: getattr(report, name).strip() for name, title in TEXT_NAMES.items()
    }
    names = list(dict.fromkeys([*form, *ledger]))
    found = [Side(name, ledger.get(name, ""), form.get(name, "")) for name in names]
    return tuple(each for each in found if each.ledger != each.form)


def _parts(last: Mapping[Any, Any]) -> dict[str, str]:
    came = clock.local(last["received_at"])
    found = _said(bool(last["nil"]), last["percent"], json.loads(last["figures"]))
    found |= {title: last[name] for name, title in TEXT_NAMES.items()}
    return found | {"收到时间": f"{came:%Y-%m-%d %H:%M}"}


def _said(nil: bool, percent: int | None, figures: Mapping[str, str]) -> dict[str, str]:
    found = {"状态": "无变化" if nil else "有进展"}
    found["累计进度"] = "" if percent is None else f"{percent}%"
    return found | {f"指标 {name}": value for name, value in figures.items()}


def sides_words(both: tuple[Side, ...]) -> str:
    """Both sides as sentences, for doors that are not pages."""
    return "".join(
        f"{each.name}：台账里是“{_short(each.ledger)}”，本表是“{_short(each.form)}”。"
        for each in both
        if each.form or each.ledger
    )


def _short(text: str) -> str:
    if not text:
        return _NOTHING
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
