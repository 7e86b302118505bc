"""Tells events as sentences: who did what, when, and why. Pure.

Bookkeeping that says the same again (the grouping of a notice into a message, the step of a ladder that a
proposal already tells) is left out of the story; the whole record stands below it with its hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from duban.ledger.events import Event
from duban.matrix.model import POST_NAMES
from duban.portal.shown import DOORS, EVENT_NAMES, MESSAGE_KINDS, PROPOSAL_STATES, day

LEFT_OUT = (
    "obligation.reported",
    "notice.settled",
    "notice.held",
    "ladder.started",
    "ladder.climbed",
    "ladder.adopted",
)
"""Kinds that another event of the same moment tells better."""
LATER = 90
"""Seconds between happening and recording above which the page says that it was noted later."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a history. ``noted_at``: when it was recorded, where that was later."""

    at: datetime
    who: str
    what: str
    kind: str
    noted_at: datetime | None
    seq: int
    about: str
    key: str


Row = Mapping[str, Any]


def story(
    found: Iterable[Event],
    who: Callable[[str], str],
    about: Callable[[str | None], str] = lambda _key: "",
) -> list[Told]:
    """Events as sentences, in the order given. ``about``: how an obligation is called on this page."""
    return [
        Told(
            at=each.occurred_at,
            who=who(each.actor),
            what=sentence(each),
            kind=EVENT_NAMES.get(each.kind, "记录"),
            noted_at=_noted(each),
            seq=each.seq,
            about=about(each.obligation),
            key=each.obligation or "",
        )
        for each in found
        if each.kind not in LEFT_OUT
    ]


def _noted(event: Event) -> datetime | None:
    late = (event.recorded_at - event.occurred_at).total_seconds() > LATER
    return event.recorded_at if late else None


def sentence(event: Event) -> str:
    """What happened, without who and when."""
    row = event.data.get("row", {})
    tell = _TOLD.get(event.kind)
    said = tell(row) if tell else EVENT_NAMES.get(event.kind, event.kind)
    why = _why(event, said)
    return f"{said}：{why}" if why else f"{said}。"


def _why(event: Event, said: str) -> str:
    why = event.why.strip()
    return "" if why in said else why


def _due(row: Row) -> str:
    given = row.get("due_on")
    return day(date.fromisoformat(given)) if given else ""


def _planned(row: Row) -> str:
    due = _due(row)
    return f"列入台账，时限{due}" if due else "列入台账"


def _moved(row: Row) -> str:
    due = _due(row)
    return f"时限调整为{due}" if due else "时限调整"


def _extended(row: Row) -> str:
    return f"延期至{_due(row)}" if row.get("due_on") else "延期"


def _returned(row: Row) -> str:
    return f"退回，补报时限{_due(row)}" if row.get("due_on") else "退回"


def _missed(row: Row) -> str:
    return "到期没有报送，记为未报"


def _received(row: Row) -> str:
    said = (
        f"第{row.get('version', 1)}次报送（{DOORS.get(row.get('door', ''), row.get('door', ''))}）"
    )
    if row.get("nil"):
        said += "，无变化（零报告）"
    elif row.get("percent") is not None:
        said += f"，累计进度{row['percent']}%"
    if row.get("late"):
        said += "，记为迟报"
    progress = " ".join(str(row.get("progress") or "").split())
    return said + (f"。进展：{_short(progress)}" if progress else "")


def _reviewed(row: Row) -> str:
    return {"accepted": "审核通过", "returned": "审核，退回"}.get(str(row.get("state")), "审核")


def _evidence(row: Row) -> str:
    return f"附件《{row.get('name', '')}》入库"


def _notice(row: Row) -> str:
    kind = MESSAGE_KINDS.get(str(row.get("kind")), "通知")
    post = POST_NAMES.get(str(row.get("recipient")), str(row.get("recipient", "")))
    return f"{kind}，告知{post}" if row.get("outcome") in {"pending", "grouped"} else f"{kind}未发"


def _raised(row: Row) -> str:
    return (
        f"达到督办条件，{'报请' if row.get('state') == 'waiting' else ''}{row.get('name', '督办')}"
    )


def _decided(row: Row) -> str:
    return f"督办建议{PROPOSAL_STATES.get(str(row.get('state')), '处理')}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


_TOLD: Mapping[str, Callable[[Row], str]] = {
    "obligation.planned": _planned,
    "obligation.moved": _moved,
    "obligation.extended": _extended,
    "obligation.returned": _returned,
    "obligation.missed": _missed,
    "submission.received": _received,
    "submission.reviewed": _reviewed,
    "evidence.stored": _evidence,
    "notice.claimed": _notice,
    "proposal.raised": _raised,
    "proposal.decided": _decided,
}
