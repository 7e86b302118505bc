"""Who reads digests and bulletins, and the letters that bring them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from duban import clock
from duban.errors import Issues
from duban.ledger import outbox
from duban.ledger.outbox import Letter
from duban.ledger.store import Writing
from duban.matrix.model import Unit
from duban.office import Office
from duban.paperrules import PaperPolicy
from duban.reports import digest as reports
from duban.reports.digest import Digest, Scope
from duban.settings import EXAMPLE_MARK
from duban.stages.hours import next_sending
from notifier.config import load_channels
from notifier.envelope import fitted
from notifier.route import choose

Reader = tuple[Unit, str]
"""A unit and the post in it."""


def leaders(office: Office, day: date) -> list[tuple[Unit, Scope | None]]:
    """County leaders by the unit of their post, and what each is in charge of; None: everything.

    A leader sees only a portfolio where the office wrote one for the name, or where there are several leaders.
    """
    posts = [
        (unit, holder)
        for unit in office.units.values()
        if (holder := unit.holder("county", day)) is not None
    ]
    people = {(holder.name, holder.address): (unit, holder) for unit, holder in reversed(posts)}
    written = {each.leader for each in office.settings.board.portfolios}
    found: list[tuple[Unit, Scope | None]] = []
    for unit, holder in reversed(people.values()):
        own = office.portfolio(holder.name, day)
        narrow = holder.name in written or (len(people) > 1 and own)
        scope = Scope(f"leader-{unit.id}", f"{holder.name}分管", own) if narrow else None
        found.append((unit, scope))
    return found


def readers(office: Office, policy: PaperPolicy, kind: str, day: date) -> list[tuple[Reader, str]]:
    """Who gets a published digest, each with the id of the copy that is meant; empty: the whole.

    A bulletin (month, quarter) goes to leaders as a whole: it is one text for everybody.
    """
    weekly = kind == "week"
    found = [
        ((unit, "county"), scope.id if scope is not None and weekly else "")
        for unit, scope in leaders(office, day)
    ]
    if weekly and policy.to_heads:
        found += [
            ((unit, "head"), f"unit-{unit.id}")
            for unit in office.units.values()
            if unit.kind.supervised and unit.holder("head", day) is not None
        ]
    return found


def office_readers(office: Office) -> list[Reader]:
    """The office's own: its liaison and its head."""
    unit = office.office_unit
    return [] if unit is None else [(unit, "liaison"), (unit, "head")]


def send(
    office: Office,
    writing: Writing,
    found: Digest,
    paths: Sequence[Path],
    *,
    to: Sequence[Reader] | None = None,
) -> int:
    """A letter each, with the Word draft; how many are new. ``to``: default the office, as a draft."""
    channels = load_channels(office.home, Issues())
    letters: list[Letter] = []
    for unit, post in office_readers(office) if to is None else to:
        route = choose(unit, post, clock.day_of(writing.at), office=office.office_unit)
        home = office.matrix.directory.units[route.unit]
        way = channels.way(unit=home.id, post=route.post, address=route.address, kind="digest")
        letter = Letter(
            id=f"digest:{found.id}:{home.id}/{route.post}",
            kind="digest",
            unit=home.id,
            post=route.post,
            person=route.person,
            address=route.address,
            channel=way.channel,
            subject=_subject(found, draft=to is None),
            text=reports.render_text(found),
            html=reports.render_html(found),
            attachments=_attached(office, paths),
            urgent=False,
            not_before=next_sending(office, writing.at),
            route=way.told,
        )
        letters += fitted(letter, channels.by_id[way.channel])
    return outbox.queue(writing, list({letter.id: letter for letter in letters}.values()))


def _attached(office: Office, paths: Sequence[Path]) -> tuple[str, ...]:
    """The Word draft, or the PDF where a copy has none."""
    for suffix in (".docx", ".pdf"):
        found = [path for path in paths if path.suffix == suffix]
        if found:
            return tuple(path.relative_to(office.home.var).as_posix() for path in found)
    return ()


def _subject(found: Digest, *, draft: bool) -> str:
    mark = f"【{EXAMPLE_MARK}】" if found.frame.example else ""
    said = "（待审定）" if draft else ""
    issue = f"第{found.frame.issue}期" if found.frame.issue else found.id
    return f"{mark}{said}{found.frame.title}（{issue}）：{found.summary[0]}"[:120]
