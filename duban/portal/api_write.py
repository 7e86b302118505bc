"""What programs may do: report, hand in evidence, acknowledge, ask for time, review.

Each act goes through the same functions as the page's: ``duban.intake`` reads it, ``duban.ledger.transitions``
decides and records it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import IO, Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from duban import clock
from duban.credentials import seal, unseal
from duban.errors import InputError, Issues, Place
from duban.intake import evidence
from duban.intake.sending import Sending, check_figures, other_content, sending
from duban.intake.submission import FIGURE, clean, read_report
from duban.ledger import queries, requests, tokens, transitions
from duban.ledger.queries import Row
from duban.ledger.transitions import Stored
from duban.portal import api_given, api_rows, api_shapes
from duban.portal.api_access import Paces, Program, need_pace, program_of
from duban.portal.api_body import body, spooled, strict_query
from duban.portal.api_problem import FIELDS
from duban.portal.api_read import Caller, not_here, seen_item
from duban.portal.items import Item, full_items
from duban.portal.state import Portal, portal_of

router = APIRouter(prefix="/api/v1", dependencies=[Depends(strict_query)])
UPLOAD_HOURS = 24
_UPLOAD = "api-upload"
IDEM_CHARS = 120
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=IDEM_CHARS,
        pattern=r"^[!-~]+$",
        description="提交编号，由报送方取，每份报送一个；没有收到回答就原样重发，不会重复登记",
        examples=["oa-2026-000123"],
    ),
]

# ---- evidence ----------------------------------------------------------------------------------


async def _incoming(request: Request) -> AsyncIterator[IO[bytes]]:
    """Dependency: the bytes that come in, once it is known who sends them and that it is not too often."""
    paces: Paces = request.app.state.paces
    need_pace(paces.files, program_of(request), portal_of(request).now())
    with await spooled(request) as file:
        yield file


@router.post("/evidence", status_code=201, tags=["报送"], operation_id="upload_evidence")
async def upload(
    request: Request,
    caller: Caller,
    name: Annotated[
        str,
        Query(
            min_length=1, max_length=240, description="文件名，带扩展名", examples=["会议纪要.pdf"]
        ),
    ],
    given: Annotated[IO[bytes], Depends(_incoming)],
) -> api_shapes.Upload:
    """上传一份佐证材料（请求内容就是文件），换一个编号写进报送的 evidence；24小时内有效。"""
    portal = portal_of(request)
    scan = portal.office.settings.evidence_scan
    stored = await run_sync(lambda: evidence.store(portal.home, name, given, scan=scan))
    now = portal.now()
    told = {
        "unit": caller.unit,
        "sha256": stored.sha256,
        "name": stored.name,
        "media_type": stored.media_type,
        "size": str(stored.size),
    }
    return api_shapes.Upload(
        evidence=seal(portal.account_key, _UPLOAD, told, now),
        name=stored.name,
        media_type=stored.media_type,
        size=stored.size,
        sha256=stored.sha256,
        until=now + timedelta(hours=UPLOAD_HOURS),
    )


def _uploaded(portal: Portal, caller: Program, text: str, *, hours: int) -> Stored | None:
    """The file of an upload of this unit; None for anything else. ``hours`` 0: however old."""
    told = unseal(portal.account_key, _UPLOAD, text, portal.now(), seconds=hours * 3600)
    if not told or told["unit"] != caller.unit:
        return None
    return Stored(told["sha256"], told["name"], told["media_type"], int(told["size"]))


def _files(portal: Portal, caller: Program, given: api_given.ReportIn) -> list[Stored]:
    """The files of a report, the same content once. Raises InputError."""
    found: dict[str, Stored] = {}
    for number, text in enumerate(given.evidence):
        stored = _uploaded(portal, caller, text, hours=UPLOAD_HOURS)
        if stored is None or not evidence.place_of(portal.home, stored.sha256).is_file():
            message = "没有这份附件，或上传已超过24小时。"
            place = Place(f"evidence.{number}")
            raise InputError.one("no-evidence", place, message, "重新上传，再报送。")
        found.setdefault(stored.sha256, stored)
    return list(found.values())


# ---- reports -----------------------------------------------------------------------------------


@router.post("/submissions", status_code=201, tags=["报送"], operation_id="submit_report")
def submit(
    request: Request,
    response: Response,
    caller: Caller,
    idempotency_key: IdempotencyKey,
    given: Annotated[api_given.ReportIn, Depends(body(api_given.ReportIn))],
) -> api_shapes.Receipt:
    """报送一项。同一提交编号、同一内容只登记一次，回答相同；内容不同则拒收。"""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = seen_item(conn, caller, given.key)
        item = full_items(portal.office, conn, caller.unit, [row], portal.now())[0]
    told = _sending(portal, caller, idempotency_key, given)
    with portal.ledger.read() as conn:
        known = _known(tokens.sent_under(conn, told.start), told)
    if not known:
        report = _report(portal, caller, item, given, told)
        with portal.ledger.write(caller.actor) as writing:
            # Two of the same at one moment: the second finds what the first has written.
            known = _known(tokens.sent_under(writing.conn, told.start), told)
            if not known:
                transitions.submit(writing, item.key, report, actor=caller.actor)
    if known:
        response.headers["Idempotent-Replayed"] = "true"
    return _receipt(portal, told)


def _sending(portal: Portal, caller: Program, key: str, given: api_given.ReportIn) -> Sending:
    """The sending of a unit's program: two programs of one unit choose their keys apart."""
    content = given.model_dump(mode="json")
    kept = [_uploaded(portal, caller, each, hours=0) for each in given.evidence]
    # A file that is uploaded again has another number and is the same file.
    content["evidence"] = [each and [each.sha256, each.name] for each in kept]
    return sending(f"api:{caller.unit}:{caller.name}", key, content)


def _known(row: Row | None, told: Sending) -> bool:
    """Whether this came in before. Raises InputError when the key came with something else."""
    if row is not None and row["idem_key"] != told.number:
        raise other_content("Idempotency-Key")
    return row is not None


def _report(
    portal: Portal, caller: Program, item: Item, given: api_given.ReportIn, told: Sending
) -> transitions.Report:
    """The report, read by the function that reads the page's. Raises InputError with every mistake."""
    issues = Issues()
    indicators = [each.indicator for each in item.asked]
    names = [each.id for each in indicators]
    check_figures(given.figures, names, issues, nil=given.nil, before="figures.")
    percent = 100 if given.reached else given.percent
    if given.reached and given.percent not in {None, 100}:
        issues.error("reached", Place("reached"), "与 percent 不一致。", "只写一个。")
    fields = {
        "progress": given.progress,
        "problem": given.problem,
        "next_step": given.next_step,
        "percent": "" if percent is None else str(percent),
        "nil": "1" if given.nil else "",
        "signed_by": given.signed_by,
        "stated_on": given.stated_on or "",
        **{FIGURE + name: value for name, value in given.figures.items()},
    }
    how: dict[str, Any] = {
        "kind": item.row["kind"],
        "indicators": indicators,
        "door": "api",
        "idem_key": told.number,
        "today": clock.day_of(portal.now()),
    }
    _, found = read_report(fields, **how)
    fields_of = {each.name: f"figures.{each.id}" for each in indicators}
    for each in found:
        place = Place(
            fields_of.get(each.place.file) or FIELDS.get(each.place.file, each.place.file)
        )
        issues.error(each.code, place, each.message, each.way_out)
    issues.stop_on_errors()
    return read_report(fields, files=_files(portal, caller, given), **how)[0]


def _receipt(portal: Portal, told: Sending) -> api_shapes.Receipt:
    with portal.ledger.read() as conn:
        row = queries.submission_by_idem(conn, told.number)
        assert row is not None
        return api_shapes.Receipt(
            submission=row["id"],
            key=row["obligation"],
            version=row["version"],
            received_at=row["received_at"],
            late=bool(row["late"]),
            nil=bool(row["nil"]),
            files=[api_rows.file(each) for each in queries.evidence_of(conn, row["id"])],
        )


# ---- other acts of a unit ----------------------------------------------------------------------


@router.post("/acknowledgements", tags=["应办事项"], operation_id="acknowledge")
def acknowledge(
    request: Request,
    caller: Caller,
    given: Annotated[api_given.KeyIn, Depends(body(api_given.KeyIn))],
) -> api_shapes.Acknowledged:
    """签收一项。重复签收不再记录，回答第一次的时间。"""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = seen_item(conn, caller, given.key)
    if row["acked_at"] is None:
        with portal.ledger.write(caller.actor) as writing:
            transitions.acknowledge(writing, given.key, actor=caller.actor)
            row = seen_item(writing.conn, caller, given.key)
    if row["acked_at"] is None:
        message = "这一项已办结、已取消或还没有开始，不用签收。"
        raise InputError.one("not-open", Place("key"), message, "从待办清单里选。")
    return api_shapes.Acknowledged(key=given.key, acknowledged_at=row["acked_at"])


@router.post("/extensions", status_code=201, tags=["应办事项"], operation_id="ask_extension")
def ask_extension(
    request: Request,
    caller: Caller,
    given: Annotated[api_given.ExtensionIn, Depends(body(api_given.ExtensionIn))],
) -> api_shapes.Asking:
    """申请延期：时限之前提出，办公室答复前原时限不变；同一申请再发一次，不重复登记。"""
    portal = portal_of(request)
    asked = _extension(caller, given)
    with portal.ledger.read() as conn:
        seen_item(conn, caller, given.key)
    with portal.ledger.write(caller.actor) as writing:
        number = requests.ask(
            writing,
            given.key,
            asked,
            actor=caller.actor,
            calendar=portal.office.calendar,
            bounds=requests.Bounds.of(portal.office.settings),
        )
        row = requests.one(writing.conn, number)
    assert row is not None
    return api_rows.asking(row)


def _extension(caller: Program, given: api_given.ExtensionIn) -> requests.Asked:
    """The request; its content is its number, so sending it again is not asking again."""
    reason, progress = clean(given.reason), clean(given.progress)
    content = given.model_dump() | {"reason": reason, "progress": progress}
    number = sending(f"api:{caller.unit}", f"extension:{given.key}", content).number
    return requests.Asked("extension", reason, progress, {"until": given.until}, number)


# ---- the office's act --------------------------------------------------------------------------


@router.post("/reviews", tags=["报送"], operation_id="review")
def review(
    request: Request,
    caller: Caller,
    given: Annotated[api_given.ReviewIn, Depends(body(api_given.ReviewIn))],
) -> api_shapes.Reviewed:
    """审核一份报送：通过即销号，退回须写理由；署名是凭证所用的账号。"""
    portal = portal_of(request)
    reason = clean(given.reason)
    with portal.ledger.write(caller.actor) as writing:
        if queries.one_submission(writing.conn, given.submission) is None:
            raise not_here("份报送")
        how: dict[str, Any] = {"actor": caller.actor, "reason": reason}
        if given.verdict == "accept":
            transitions.accept(writing, given.submission, **how)
        else:
            transitions.send_back(
                writing,
                given.submission,
                calendar=portal.office.calendar,
                days=portal.office.reminders.resubmit_days,
                **how,
            )
        row = queries.one_submission(writing.conn, given.submission)
    assert row is not None
    return api_shapes.Reviewed(
        submission=row["id"],
        key=row["obligation"],
        state=row["state"],
        reviewer=row["reviewer"],
        reviewed_at=row["reviewed_at"],
        review_reason=row["review_reason"],
    )
