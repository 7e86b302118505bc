"""Commands at the doors: submit a report, export forms and ledger."""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duban import clock
from duban.cli import show
from duban.cli.exporting import export_matrix, write_csv
from duban.cli.work import find_unit
from duban.errors import NOWHERE, Exit, InputError, UsageError
from duban.settings import Home, Scan, find_home

if TYPE_CHECKING:
    from duban.intake.sending import Sending
    from duban.ledger.transitions import Receipt, Stored
    from duban.office import Office
    from duban.portal.items import Item


def submit(args: argparse.Namespace) -> int:
    """Submit a report for one obligation, read by the functions that read the page's form."""
    from duban.office import open_office

    home = find_home(args.home)
    figures = dict(_figure(text) for text in args.figure)
    with open_office(home, create=False) as office:
        receipt = _take_in(office, args, figures)
    if args.format == "json":
        show.as_json(
            {"submission": receipt.submission, "repeated": receipt.repeated, "late": receipt.late}
        )
        return Exit.DONE
    word = "早先已收到，没有重复登记" if receipt.repeated else "已收到"
    show.say(f"{receipt.submission}：{word}{'（迟报）' if receipt.late else ''}。")
    return Exit.DONE


def _take_in(office: Office, args: argparse.Namespace, figures: Mapping[str, str]) -> Receipt:
    """Read everything first: files are stored only for a report that can be taken in."""
    from duban.intake.sending import check_figures
    from duban.intake.submission import FIGURE, read_report
    from duban.ledger import transitions

    item = _item(office, args.key)
    told = _sending(args, figures)
    known = _known(office, args, told)
    if known:
        return known
    fields = _fields(args) | {FIGURE + name: text for name, text in figures.items()}
    indicators = [each.indicator for each in item.asked]
    how: dict[str, Any] = {
        "kind": item.row["kind"],
        "indicators": indicators,
        "door": "cli",
        "idem_key": told.number if told else None,
        "today": clock.day_of(office.ledger.now()),
    }
    _, issues = read_report(fields, **how)
    check_figures(figures, [each.id for each in indicators], issues, nil=args.nil)
    issues.stop_on_errors()
    files = _stored(office.home, args.file, office.settings.evidence_scan)
    report, _ = read_report(fields, files=files, **how)
    actor = show.user_name(args.actor)
    with office.ledger.write(actor) as writing:
        return transitions.submit(writing, args.key, report, actor=actor)


def _item(office: Office, key: str) -> Item:
    from duban.ledger import queries
    from duban.portal.items import full_items

    with office.ledger.read() as conn:
        row = queries.one_obligation(conn, key)
        if row is None:
            way_out = "编号见 duban export ledger。"
            raise InputError.one("no-obligation", NOWHERE, f"没有应办事项“{key}”。", way_out)
        return full_items(office, conn, row["unit"], [row], office.ledger.now())[0]


def _fields(args: argparse.Namespace) -> dict[str, str]:
    """What was said, under the names of the page's form."""
    return {
        "progress": args.progress,
        "problem": args.problem,
        "next_step": args.next,
        "percent": "" if args.percent is None else str(args.percent),
        "nil": "1" if args.nil else "",
        "signed_by": args.signed_by,
        "stated_on": args.stated_on,
    }


def _sending(args: argparse.Namespace, figures: Mapping[str, str]) -> Sending | None:
    """The number of this sending, when the script chose a key."""
    from duban.intake.sending import sending

    if not args.idem_key:
        return None
    files = []
    for name in args.file:
        with Path(name).open("rb") as file:
            files.append([Path(name).name, hashlib.file_digest(file, "sha256").hexdigest()])
    content = _fields(args) | {"key": args.key, "figures": dict(figures), "files": files}
    return sending("cli", args.idem_key, content)


def _known(office: Office, args: argparse.Namespace, told: Sending | None) -> Receipt | None:
    """The receipt of the same sending before. Raises InputError when the key came with another content."""
    from duban.intake.sending import other_content
    from duban.ledger import queries, tokens
    from duban.ledger.transitions import Receipt

    if told is None:
        return None
    with office.ledger.read() as conn:
        # Before 0003 the key itself was kept, without what it came with.
        row = tokens.sent_under(conn, told.start) or queries.submission_by_idem(conn, args.idem_key)
    if row is None:
        return None
    if row["obligation"] != args.key or row["idem_key"] not in {told.number, args.idem_key}:
        raise other_content("--idem-key")
    return Receipt(row["id"], repeated=True, late=bool(row["late"]))


def _stored(home: Home, names: Sequence[str], scan: Scan | None) -> tuple[Stored, ...]:
    """The files in the evidence store."""
    from contextlib import ExitStack

    from duban.intake.evidence import store_all

    with ExitStack() as stack:
        return store_all(
            home,
            [(Path(name).name, stack.enter_context(Path(name).open("rb"))) for name in names],
            scan=scan,
        )


def _figure(text: str) -> tuple[str, str]:
    """An indicator and its value as it was typed."""
    from duban.intake.submission import read_figure

    name, _, number = text.partition("=")
    if not name.strip() or read_figure(number) is None:
        raise UsageError(f"“{text}”不是“指标=数”。", "如 --figure valid-patents=1800。")
    return name.strip(), number.strip()


def export(args: argparse.Namespace) -> int:
    """Export pre-filled forms, the ledger or the matrix."""
    return {"forms": _forms, "ledger": _ledger, "matrix": export_matrix}[args.what](args)


def _forms(args: argparse.Namespace) -> int:
    """One workbook per unit that owes something now."""
    from duban.intake.workbook import form_for, write_form
    from duban.office import open_office

    home = find_home(args.home)
    folder = Path(args.out or home.var / "forms")
    written = []
    with open_office(home, create=False) as office:
        units = (
            [find_unit(office, args.unit)] if args.unit else sorted(office.matrix.directory.units)
        )
        folder.mkdir(parents=True, exist_ok=True)
        progress = show.Progress("报送表")
        with office.ledger.read() as conn:
            for number, unit in enumerate(units, 1):
                progress(number, len(units))
                form = form_for(office, conn, unit, office.ledger.now())
                if form.rows:
                    path = folder / f"{unit}-{clock.day_of(office.ledger.now())}.xlsx"
                    buffer = io.BytesIO()
                    write_form(form, buffer)
                    path.write_bytes(buffer.getvalue())
                    written.append(home.shown(path))
    if args.format == "json":
        show.as_json(written)
    else:
        show.say(
            *written,
            f"共{len(written)}份报送表。填好后放进 {home.shown(home.var / 'inbox')}/，或在网页上传。",
        )
    return Exit.DONE


_LEDGER = (
    "key",
    "task",
    "unit",
    "title",
    "label",
    "due_on",
    "state",
    "percent",
    "submitted_at",
    "closed_at",
    "returned",
    "extended",
)


def _ledger(args: argparse.Namespace) -> int:
    """The ledger's obligations as CSV (or JSON)."""
    from duban.ledger import queries
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        unit = find_unit(office, args.unit) if args.unit else None
        rows = [
            {name: row[name] for name in _LEDGER} for row in queries.obligations(conn, unit=unit)
        ]
    if args.format == "json":
        show.as_json(rows)
        return Exit.DONE
    write_csv(args.out, _LEDGER, [[row[name] for name in _LEDGER] for row in rows])
    return Exit.DONE
