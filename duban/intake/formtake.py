"""Takes in a returned form and tells row by row what was taken and what was not: the same at every door."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from duban.errors import Issue
from duban.intake.formopen import Opened
from duban.intake.formread import FormResult, read_opened
from duban.ledger import queries, transitions
from duban.ledger.figures import Connection
from duban.ledger.store import Writing
from duban.ledger.transitions import Receipt
from duban.office import Office


@dataclass(frozen=True, slots=True)
class Taken:
    """What a form brought: receipts by key, and everything that was wrong."""

    result: FormResult
    receipts: tuple[tuple[str, Receipt], ...] = ()

    @property
    def new(self) -> int:
        """How many reports had not come in before."""
        return sum(not receipt.repeated for _, receipt in self.receipts)

    @property
    def refused(self) -> bool:
        """Whether nothing was taken because of mistakes."""
        return not self.receipts and bool(self.result.issues.errors)


def take_form(
    writing: Writing,
    office: Office,
    opened: Opened,
    *,
    units: Collection[str] | None,
    door: str,
    actor: str,
) -> Taken:
    """Judge and record an opened form in one transaction, so that nothing can come in between.

    Rows that are right are taken, the others are told. Raises InputError when a report is refused in the
    end; then nothing of the transaction may stay.
    """
    result = read_opened(opened, office, writing.conn, units, writing.at, door=door)
    receipts = tuple(
        (key, transitions.submit(writing, key, report, actor=actor))
        for key, report in result.reports
    )
    return Taken(result, receipts)


def words(conn: Connection, taken: Taken) -> list[str]:
    """A receipt: a line for every row that was taken, and for everything that was not, with its cell."""
    lines = [receipt_words(conn, key, receipt) for key, receipt in taken.receipts]
    unchanged = taken.result.unchanged
    if unchanged:
        lines.append(f"{unchanged}项没有填写，按没有变化处理。")
    if not lines and not taken.result.issues.errors:
        lines.append("表里没有要报的事项。")
    return lines + issue_words(taken.result.issues.errors)


def receipt_words(conn: Connection, key: str, receipt: Receipt) -> str:
    """One report that was taken."""
    row = queries.one_obligation(conn, key)
    title = f"{row['title']}（{row['label']}）" if row is not None else key
    how = "此前已收到，没有重复登记" if receipt.repeated else "已收下"
    late = "，已过时限，记为迟报" if receipt.late and not receipt.repeated else ""
    return f"{how}{late}：{title}，回执号 {receipt.submission}"


def issue_words(issues: Sequence[Issue]) -> list[str]:
    """Mistakes, each with its cell and the way out."""
    found = []
    for issue in issues:
        where = f"{issue.place.cell or issue.place.file}：" if str(issue.place) else ""
        way_out = f"办法：{issue.way_out}" if issue.way_out else ""
        found.append(f"没有收　{where}{issue.message}{way_out}")
    return found
