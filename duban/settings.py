"""Where the office's files are, and what ``config/duban.yaml`` says about it.

The home folder is ``--home``, else ``DUBAN_HOME``, else the current directory. Secrets never stand in
these files: they come from the environment or from files named by ``*_FILE``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from duban.board_settings import Board, read_board
from duban.errors import Issues, UsageError
from duban.mailbox_settings import Mailbox, read_mailbox
from duban.sign_in_settings import SignIn, read_sign_in
from duban.yamltext import Row, read_rows

EXAMPLE_MARK = "示例数据"


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one office. ``example``: the living example, kept apart from the real ledger."""

    root: Path
    example: bool = False

    @property
    def tasks_def(self) -> Path:
        """The matrix, YAML only."""
        return self.root / "tasks_def"

    @property
    def config(self) -> Path:
        """The office's settings, YAML only."""
        return self.root / "config"

    @property
    def var(self) -> Path:
        """What the software writes; the example has a folder of its own, so that it can be removed."""
        return self.root / "var" / "example" if self.example else self.root / "var"

    @property
    def database_url(self) -> str:
        """``DUBAN_DATABASE_URL`` for the real ledger, else a SQLite file below ``var/``."""
        given = secret("DUBAN_DATABASE_URL")
        if given and not self.example:
            return given
        example_given = secret("DUBAN_EXAMPLE_DATABASE_URL")
        if example_given and self.example:
            return example_given
        return f"sqlite:///{self.var / 'duban.sqlite3'}"

    def shown(self, path: Path) -> str:
        """A path as the clerk should read it: relative to the home where possible."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return str(path)


def find_home(given: str | Path | None = None) -> Home:
    """The home folder, and whether its example ledger is meant.

    ``DUBAN_EXAMPLE=1`` asks for the example, ``0`` for the real ledger. When it is not set, the real
    ledger wins as soon as there is one; before that an existing example is shown.
    """
    root = Path(given or os.environ.get("DUBAN_HOME") or Path.cwd()).expanduser().absolute()
    if not (root / "config").is_dir() or not (root / "tasks_def").is_dir():
        raise UsageError(
            f"{root} 不是督办的家目录（缺 config/ 或 tasks_def/）。",
            "换到家目录再运行，或加 --home 目录，或先运行 duban init 目录。",
        )
    wish = os.environ.get("DUBAN_EXAMPLE", "")
    if wish in {"0", "1"}:
        return Home(root, example=wish == "1")
    real = bool(secret("DUBAN_DATABASE_URL")) or Home(root).var.joinpath("duban.sqlite3").exists()
    played = Home(root, example=True).var.joinpath("duban.sqlite3").exists()
    return Home(root, example=played and not real)


def secret(name: str) -> str:
    """A secret from the environment, or from the file that ``NAME_FILE`` names; empty when neither."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise UsageError(
                f"{name}_FILE 指的文件读不出来（{problem.strerror}）。", "检查路径和权限。"
            ) from None
    return os.environ.get(name, "").strip()


RETURN_REASONS = (
    "内容太笼统，请写清做了什么、数量和成效。",
    "缺佐证材料，请补传文件、照片或台账。",
    "数据与上期或佐证对不上，请核实。",
    "与上期雷同，请写本期的新进展。",
)
"""What a report is often returned for, where the office lists nothing of its own."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The office's virus scanner: a program with its arguments; the file's path comes last.

    ``seconds``: how long it may take. ``keeps``: whether what it finds is kept apart in
    ``var/quarantine/`` instead of thrown away.
    """

    command: tuple[str, ...]
    seconds: int = 60
    keeps: bool = False


SCAN_FOUND = ("refuse", "quarantine")


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``config/duban.yaml`` says. ``issuer`` signs 督办单 and 通报 and is always configured."""

    plan: str
    office_unit: str
    office_name: str
    issuer: str
    paper_to_lower: str
    contact: str
    public_url: str
    mail_domain: str
    mail_from: str
    works_from: time
    works_until: time
    link_days: int
    extensions_at_most: int = 1  # so often may one item be put off
    extension_needs_office: bool = True  # else an extension holds as soon as it is asked for
    urgent_any_time: bool = False  # whether urgent messages also leave outside working hours
    clerks: tuple[str, ...] = ()  # who may sign with the office key; empty: any name
    hosts: tuple[str, ...] = ()  # names the pages answer to; empty: any
    sign_in: SignIn = field(default_factory=SignIn)
    mailbox: Mailbox = field(default_factory=Mailbox)
    return_reasons: tuple[str, ...] = RETURN_REASONS  # offered to the reviewer
    evidence_scan: Scan | None = None
    board: Board = field(default_factory=Board)


def load_settings(home: Home, issues: Issues) -> Settings | None:
    """Read ``config/duban.yaml``; mistakes go to ``issues``."""
    path = home.config / "duban.yaml"
    row = read_rows(path, home.shown(path), issues)
    if row is None:
        return None
    settings = Settings(
        plan=row.text("plan", required=True),
        office_unit=row.text("office_unit", required=True),
        office_name=row.text("office_name", required=True),
        issuer=row.text("issuer", required=True),
        paper_to_lower=row.text("paper_to_lower", "工作提示"),
        contact=row.text("contact"),
        public_url=(
            os.environ.get("DUBAN_PUBLIC_URL") or row.text("public_url", "http://127.0.0.1:8420")
        ).rstrip("/"),
        mail_domain=row.text("mail_domain", "duban.example"),
        mail_from=row.text("mail_from", "duban@duban.example"),
        works_from=row.clock("works_from", time(8, 30)),
        works_until=row.clock("works_until", time(17, 30)),
        link_days=row.integer("link_days", 45, least=1),
        extensions_at_most=row.integer("extensions_at_most", 1, least=0),
        extension_needs_office=row.flag("extension_needs_office", default=True),
        urgent_any_time=row.flag("urgent_any_time"),
        clerks=tuple(text.raw.strip() for text in row.texts("clerks")),
        hosts=tuple(text.raw.strip().lower() for text in row.texts("hosts")),
        sign_in=read_sign_in(row.row("sign_in")),
        mailbox=read_mailbox(row.row("mailbox")),
        return_reasons=_return_reasons(row),
        evidence_scan=_read_scan(row.row("evidence_scan")),
        board=read_board(row.row("board")),
    )
    row.close()
    return settings


def _return_reasons(row: Row) -> tuple[str, ...]:
    given = tuple(text.raw.strip() for text in row.texts("return_reasons"))
    return tuple(each for each in given if each) or RETURN_REASONS


def _read_scan(row: Row | None) -> Scan | None:
    if row is None:
        return None
    command = tuple(text.raw for text in row.texts("command"))
    if not command:
        row.issues.error(
            "scan-command",
            row.place_of("command"),
            "查毒程序没有写。",
            "写成 command: [clamdscan, --no-summary, --fdpass]；不查毒就删掉 evidence_scan。",
        )
    found = Scan(
        command,
        row.integer("seconds", 60, least=1),
        row.choice("found", SCAN_FOUND, "refuse") == "quarantine",
    )
    row.close()
    return found
