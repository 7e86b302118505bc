"""Commands at the doors: submit a report, export forms and ledger."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from duban import clock
from duban.cli import show
from duban.cli.exporting import export_matrix, write_csv
from duban.cli.work import find_unit
from duban.errors import NOWHERE, Exit, InputError, UsageError
from duban.settings import Home, Scan, find_home
from duban.yamltext import read_decimal

if TYPE_CHECKING:
    from duban.ledger.transitions import Stored
    from duban.office import Office


def submit(args: argparse.Namespace) -> int:
    """Submit a report for one obligation."""
    from duban.ledger import transitions
    from duban.office import open_office

    home = find_home(args.home)
    with open_office(home, create=False) as office:
        figures = dict(_figure(text) for text in args.figure)
        _check_figures(office, args.key, figures)
        files = _stored(home, args.file, office.settings.evidence_scan)
        report = transitions.Report(
            progress=args.progress,
            problem=args.problem,
            next_step=args.next,
            percent=args.percent,
            nil=args.nil,
            figures=figures,
            files=files,
            signed_by=args.signed_by,
            door="cli",
            idem_key=args.idem_key,
        )
        actor = show.user_name(args.actor)
        with office.ledger.write(actor) as writing:
            receipt = transitions.submit(writing, args.key, report, actor=actor)
    if args.format == "json":
        show.as_json(
            {"submission": receipt.submission, "repeated": receipt.repeated, "late": receipt.late}
        )
    else:
        word = (
            "早先已收到，没有重复登记"
            if receipt.repeated
            else "已收到（迟报）"
            if receipt.late
            else "已收到"
        )
        show.say(f"{receipt.submission}：{word}。")
    return Exit.DONE


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


def _figure(text: str) -> tuple[str, Decimal]:
    name, _, number = text.partition("=")
    value = read_decimal(number.strip())
    if not name.strip() or value is None:
        raise UsageError(f"“{text}”不是“指标=数”。", "如 --figure valid-patents=1800。")
    return name.strip(), value


def _check_figures(office: Office, key: str, figures: Iterable[str]) -> None:
    """A number is taken only where the matrix asks for it."""
    task = office.matrix.tasks_by_id.get(key.split("/", maxsplit=1)[0])
    asked = task.indicators if task else ()
    for name in figures:
        if name not in asked:
            way_out = f"可报的指标：{'、'.join(asked)}。" if asked else "去掉 --figure。"
            raise InputError.one("figure", NOWHERE, f"这一事项不报指标“{name}”。", way_out)


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
