"""Papers as values: which kinds there are, who signs them, to whom they may go. Pure but for the reader.

A coordinating body may not issue orders to lower governments (《整治形式主义为基层减负若干规定》, 2024), so
who signs and who is addressed are both settings, and each refusal says why. Enterprises and institutions
are no objects of supervision (政府督查工作条例, 国令733号).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from duban.errors import Issues
from duban.ladders import LOWER
from duban.matrix.model import UnitKind
from duban.settings import Home
from duban.yamltext import Row, read_rows

NAMES: Mapping[str, str] = {
    "circular": "督查通报",
    "advice": "工作提示",
    "letter": "提示函",
    "urge": "催办通知书",
    "supervise": "督办通知单",
    "ledger": "任务台账",
    "scores": "考核得分表",
}
"""Kinds of papers and how they are called."""
SERIES: Mapping[str, str] = {
    "circular": "通",
    "advice": "提",
    "letter": "函",
    "urge": "催",
    "supervise": "督",
    "ledger": "台",
    "scores": "考",
}
"""What follows the issuer's 机关代字 in a number."""
ORDERS = frozenset({"supervise", "urge"})
"""Kinds that order something."""
FROM_PROPOSAL: Mapping[str, str] = {
    "催办": "urge",
    "工作提示": "advice",
    "函": "letter",
    "督办单": "supervise",
    "督办函": "supervise",
    "通报": "circular",
}
"""The paper of an escalation step; 约谈 and 问责 are the leaders' own and get no paper from here."""
UNAPPROVED = ("hold", "send")


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs. ``code``: 机关代字; ``coordinating``: a leading group or its office, which orders nobody below."""

    id: str
    name: str
    code: str
    coordinating: bool = True


@dataclass(frozen=True, slots=True)
class PaperPolicy:
    """``config/papers.yaml``. ``signs``: kind of paper to the id of its issuer, else the first.

    ``needs_approval``: leaders and units get a digest or bulletin only after a named person approved it.
    ``unapproved``: what happens when nobody did within ``after_hours`` working hours: hold or send.
    ``to_heads``: whether each unit's head gets the own unit's week. ``reply_days``: working days to answer.
    """

    issuers: tuple[Issuer, ...]
    signs: Mapping[str, str] = field(default_factory=dict)
    instead: str = "advice"
    reply_days: int = 5
    copies: str = ""
    needs_approval: bool = True
    unapproved: str = "hold"
    after_hours: int = 16
    to_heads: bool = False
    fonts_dir: Path | None = None

    def issuer(self, kind: str) -> Issuer:
        """Who signs a kind of paper."""
        wanted = self.signs.get(kind, "")
        return next((each for each in self.issuers if each.id == wanted), self.issuers[0])


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a paper may go to a unit. ``kind``: the paper that may; empty: none. ``why``: a sentence."""

    kind: str
    why: str = ""


def rule(policy: PaperPolicy, kind: str, unit_kind: UnitKind) -> Ruling:
    """Which paper may go to a unit when a kind is asked for: the kind itself, a milder one, or none."""
    if not unit_kind.supervised:
        return Ruling(
            "", "企业和事业单位不列入督办、通报和考核（政府督查工作条例），只能请其提供情况。"
        )
    issuer = policy.issuer(kind)
    if kind in ORDERS and issuer.coordinating and unit_kind in LOWER:
        name = NAMES[policy.instead]
        return Ruling(
            policy.instead,
            f"落款的“{issuer.name}”是议事协调机构，不得向乡镇、街道下达{NAMES[kind]}"
            f"（《整治形式主义为基层减负若干规定》），改用{name}。",
        )
    return Ruling(kind)


def number_text(series: str, year: int, number: int) -> str:
    """新知专班办督〔2026〕12号: hexagonal brackets, no 第, no leading zeros (GB/T 9704-2012, 7.2.5)."""
    return f"{series}〔{year}〕{number}号"


# ---- reading -----------------------------------------------------------------------------------


def load_papers(home: Home, issues: Issues) -> PaperPolicy:
    """Read ``config/papers.yaml``; without the file the defaults hold. Mistakes go to ``issues``."""
    path = home.config / "papers.yaml"
    row = read_rows(path, home.shown(path), issues) if path.exists() else None
    settings = home.config / "duban.yaml"
    said = read_rows(settings, home.shown(settings), Issues()) if settings.exists() else None
    name = "" if said is None else said.text("issuer") or said.text("office_name")
    lower = "" if said is None else said.text("paper_to_lower")
    first = Issuer("office", name, "督办")
    instead = "letter" if lower == "函" else "advice"
    if row is None:
        return PaperPolicy((first,), instead=instead)
    policy = PaperPolicy(
        issuers=tuple(_issuer(each, name) for each in row.rows("issuers")) or (first,),
        signs=_signs(row),
        instead=instead,
        reply_days=row.integer("reply_working_days", 5, least=1),
        copies=row.text("copies"),
        needs_approval=row.flag("digest_needs_approval", default=True),
        unapproved=row.choice("unapproved", UNAPPROVED, "hold"),
        after_hours=row.integer("unapproved_after_hours", 16, least=1),
        to_heads=row.flag("digest_to_heads"),
        fonts_dir=_folder(home, row.text("fonts_dir")),
    )
    _check(row, policy, issues)
    row.close()
    return policy


def _issuer(row: Row, name: str) -> Issuer:
    found = Issuer(
        id=row.text("id", required=True),
        name=row.text("name", name),
        code=row.text("code", required=True),
        coordinating=row.flag("coordinating", default=True),
    )
    row.close()
    return found


def _signs(row: Row) -> Mapping[str, str]:
    table = row.row("signs")
    if table is None:
        return {}
    found = {kind: table.text(kind) for kind in NAMES if table.has(kind)}
    table.close()
    return found


def _folder(home: Home, given: str) -> Path | None:
    return (home.root / given).resolve() if given else None


def _check(row: Row, policy: PaperPolicy, issues: Issues) -> None:
    ids = [each.id for each in policy.issuers]
    codes = [each.code for each in policy.issuers]
    if len(set(ids)) < len(ids) or len(set(codes)) < len(codes):
        issues.error(
            "issuer-twice",
            row.place_of("issuers"),
            "两个落款机关的编号或代字相同，文号会分不清。",
            "每个机关的 id 和 code 各不相同。",
        )
    unknown = sorted(set(policy.signs.values()) - set(ids))
    if unknown:
        issues.error(
            "issuer-unknown",
            row.place_of("signs"),
            f"落款机关“{'、'.join(unknown)}”没有写在 issuers 里。",
            f"可用：{'、'.join(ids)}。",
        )
