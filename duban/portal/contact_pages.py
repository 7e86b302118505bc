"""What was said to units, and what did not arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban.errors import NOWHERE, InputError, Issue, Issues
from duban.ledger import outbox, views
from duban.ledger.store import Writing
from duban.portal.access import Clerk
from duban.portal.office_pages import Posted, Visitor, in_order, page
from duban.portal.pages import check_form, see_other
from duban.portal.shown import MESSAGE_STATES, query
from duban.portal.state import portal_of

router = APIRouter(include_in_schema=False)
PER_PAGE = 20
REASON_CHARS = 200
_WHOLE_MAX = 1000  # of a channel at once; the rest is still there to be decided next
_SAID: Mapping[str, str] = {
    "resend": "已排入待发送，下一次发送时发出。",
    "drop": "已作罢，不再发送。理由已记入台账。",
    "arrived": "已记为送达。依据已记入台账。",
}


class _Asked(TypedDict):
    states: tuple[str, ...]
    unit: str
    channel: str


# ---- messages ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which messages a list shows. ``state``: one state, ``trouble`` for all that need a person."""

    state: str = ""
    unit: str = ""
    channel: str = ""
    page_number: int = 1

    @property
    def states(self) -> tuple[str, ...]:
        """As the ledger is asked."""
        if self.state == "trouble":
            return views.TROUBLE
        return (self.state,) if self.state else ()


@router.get("/office/messages")
def messages(
    request: Request, visitor: Visitor, chosen: Annotated[Chosen, Depends(Chosen)], said: str = ""
) -> Response:
    """The outbox with its states; texts are shown without anyone's personal link."""
    return _messages_page(request, visitor, chosen, said=_SAID.get(said, ""))


def _messages_page(
    request: Request,
    visitor: Clerk,
    chosen: Chosen,
    *,
    said: str = "",
    reason: str = "",
    picked: Sequence[str] = (),
    issues: Sequence[Issue] = (),
) -> Response:
    portal = portal_of(request)
    asked: _Asked = {"states": chosen.states, "unit": chosen.unit, "channel": chosen.channel}
    with portal.ledger.read() as conn:
        pages = max(1, -(-views.outbox_size(conn, **asked) // PER_PAGE))
        number = min(max(chosen.page_number, 1), pages)
        letters = views.outbox(conn, **asked, limit=PER_PAGE, skip=(number - 1) * PER_PAGE)
        totals = views.message_states(conn)
        channels = views.trouble_by_channel(conn)
    return page(
        request,
        visitor,
        "messages.html",
        409 if issues else 200,
        letters=letters,
        number=number,
        pages=pages,
        totals=totals,
        trouble=views.TROUBLE,
        in_trouble=sum(totals.get(state, 0) for state in views.TROUBLE),
        chosen={"state": chosen.state, "unit": chosen.unit, "channel": chosen.channel},
        channels=channels,
        units=in_order(portal),
        self_address=query("/office/messages", unit=chosen.unit),
        said=said,
        reason=reason,
        picked=picked,
        issues=issues,
    )


@router.post("/office/messages/decide")
def decide_messages(request: Request, visitor: Visitor, given: Posted) -> Response:
    """重发, 作罢 or 已送达 of messages that did not arrive, with a reason, in the clerk's name.

    All or none. ``whole``: every one of a channel that is in the state shown, not only those on the page.
    """
    portal = portal_of(request)
    check_form(portal, visitor, given)
    reason = given.line("reason", REASON_CHARS)
    chosen = Chosen(given.text("state"), given.text("unit"), given.text("channel"))
    picked = given.texts("message")
    try:
        with portal.ledger.write(visitor.actor) as writing:
            if given.text("whole") and chosen.channel:
                picked = _whole(writing, chosen)
            _decide(writing, picked, given.text("act"), reason, visitor.actor)
    except InputError as wrong:
        return _messages_page(
            request, visitor, chosen, reason=reason, picked=picked, issues=wrong.issues
        )
    where = {"state": chosen.state, "unit": chosen.unit, "channel": chosen.channel}
    return see_other(query("/office/messages", **where, said=given.text("act")))


def _whole(writing: Writing, chosen: Chosen) -> list[str]:
    """Every message of the chosen channel, state and unit that waits for a decision."""
    states = [state for state in chosen.states if state in views.TROUBLE]
    rows = outbox.letters_in(
        writing.conn, states, channel=chosen.channel, unit=chosen.unit, limit=_WHOLE_MAX
    )
    return [str(row["id"]) for row in rows]


def _decide(writing: Writing, picked: Sequence[str], act: str, reason: str, actor: str) -> None:
    """Carry a decision out. Raises InputError with everything that stands against it."""
    found = views.letters_by_id(writing.conn, picked)
    _check(picked, {key: row["state"] for key, row in found.items()}, act, reason)
    why = f"{actor}：{reason}"
    decide = {"resend": outbox.requeue, "drop": outbox.give_up, "arrived": outbox.mark_arrived}[act]
    for key in picked:
        decide(writing, key, why)


def _check(picked: Sequence[str], states: Mapping[str, str], act: str, reason: str) -> None:
    issues = Issues()
    if act not in _SAID:
        issues.error("no-act", NOWHERE, "没有说明怎么处理。", "点“重发”“作罢”或“已送达”。")
    if not picked:
        issues.error("none", NOWHERE, "没有选中任何一条消息。", "先勾选，再点重发或作罢。")
    if not reason:
        issues.error("no-reason", NOWHERE, "怎么处理都要写明理由。", "理由会记入台账，补上再点。")
    for key in picked:
        state = states.get(key)
        if state is None:
            issues.error("no-message", NOWHERE, f"没有这条消息：{key}。", "从消息列表里选。")
        elif state not in views.TROUBLE:
            issues.error(
                "settled",
                NOWHERE,
                f"这条消息现在是“{MESSAGE_STATES.get(state, state)}”，不用再处理：{key}。",
                "只有发送失败、不确定是否送达和过期未发的才要处理；刷新看最新状态。",
            )
        elif act == "arrived" and state == "expired":
            issues.error(
                "never-sent",
                NOWHERE,
                f"这条消息过期未发，不可能已经送达：{key}。",
                "过期的只能重发或作罢。",
            )
    issues.stop_on_errors()
