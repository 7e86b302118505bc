"""What can go wrong, told to the one who must act: where, what, and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """Exit codes of every command; others script against them."""

    DONE = 0
    INPUT = 1  # the input is wrong: all mistakes were printed, nothing was changed
    USAGE = 2
    OUTSIDE = 3  # something outside failed; trying again later is safe


class Level(StrEnum):
    """How much an issue matters: an error stops, a warning asks, an info tells."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def label(self) -> str:
        """The word the clerk reads."""
        return {"error": "错误", "warning": "警告", "info": "提示"}[self.value]


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where a value was written: a file and its line, or a workbook's cell (``表名!B4``)."""

    file: str
    line: int | None = None
    cell: str | None = None

    def __str__(self) -> str:
        if self.cell:
            return f"{self.file} {self.cell}"
        return f"{self.file}:{self.line}" if self.line else self.file


NOWHERE = Place("")


@dataclass(frozen=True, slots=True)
class Issue:
    """One mistake or doubt: a sentence in Chinese, its place, and the way out."""

    level: Level
    code: str
    place: Place
    message: str
    way_out: str = ""

    def __str__(self) -> str:
        tail = f" 办法：{self.way_out}" if self.way_out else ""
        where = f"{self.place}: " if self.place != NOWHERE else ""
        return f"{where}{self.level.label}：{self.message}{tail}"

    def as_json(self) -> dict[str, object]:
        """The documented keys of an issue in ``--format json``."""
        return {
            "level": self.level.value,
            "code": self.code,
            "file": self.place.file,
            "line": self.place.line,
            "cell": self.place.cell,
            "message": self.message,
            "way_out": self.way_out,
        }


@dataclass(slots=True)
class Issues:
    """All mistakes at once: a list that readers and checks add to."""

    found: list[Issue] = field(default_factory=list)

    def error(self, code: str, place: Place, message: str, way_out: str = "") -> None:
        """Note a mistake that stops."""
        self.found.append(Issue(Level.ERROR, code, place, message, way_out))

    def warning(self, code: str, place: Place, message: str, way_out: str = "") -> None:
        """Note a doubt that a person should settle."""
        self.found.append(Issue(Level.WARNING, code, place, message, way_out))

    def info(self, code: str, place: Place, message: str, way_out: str = "") -> None:
        """Note something worth knowing."""
        self.found.append(Issue(Level.INFO, code, place, message, way_out))

    def extend(self, more: Iterable[Issue]) -> None:
        """Add what another check found."""
        self.found.extend(more)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self.found)

    @property
    def errors(self) -> list[Issue]:
        """Only those that stop."""
        return [issue for issue in self.found if issue.level is Level.ERROR]

    def stop_on_errors(self) -> None:
        """Raise InputError with every error found, if there is one."""
        if self.errors:
            raise InputError(self.errors)


class DubanError(Exception):
    """A failure that has a sentence for the reader; ``exit_code`` is the command's."""

    exit_code: Exit = Exit.OUTSIDE

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.message} 办法：{self.way_out}" if self.way_out else self.message


class InputError(DubanError):
    """The input is wrong; carries every mistake that was found."""

    exit_code = Exit.INPUT

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues = list(issues)
        super().__init__("\n".join(str(issue) for issue in self.issues))

    @classmethod
    def one(cls, code: str, place: Place, message: str, way_out: str = "") -> InputError:
        """An InputError of a single mistake."""
        return cls([Issue(Level.ERROR, code, place, message, way_out)])


class UsageError(DubanError):
    """The command was called wrongly."""

    exit_code = Exit.USAGE


class OutsideError(DubanError):
    """A database, disk or server failed; nothing was lost and trying again is safe."""

    exit_code = Exit.OUTSIDE
