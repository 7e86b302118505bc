"""Small readings of single cells that an import needs: dates, units, titles, brackets. Cached, pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from duban.matrix.deadlines import Kind, Reading, read
from duban.matrix.names import Names, is_collective, normal
from duban.matrix.phrases_units import KnownNames, UnitPhrase, read_units
from duban.matrix.wording import looks_like_unit

DITTO = frozenset({"同上", "〃", "″", "同前", "同上。", "''", '"'})
_EPOCH = date(1899, 12, 30)
_SERIAL_DAYS = range(36_526, 73_051)  # 2000-01-01 … 2099-12-31 as Excel counts days
_YEARS = range(1990, 2101)
MAX_TITLE = 80
_SETTLED = frozenset(
    {
        Kind.DATE,
        Kind.MONTH,
        Kind.YEAR,
        Kind.BEFORE,
        Kind.RANGE,
        Kind.RECURRING,
        Kind.OPEN,
        Kind.COMPOUND,
        Kind.SPLIT,
        Kind.AFTER,
    }
)
_ANY_COLLECTIVE = re.compile(r"^各|^全[市县区省州校院局镇].{0,10}各|各.{0,8}(?:部门|单位|专班)$")
_ODD_NAME = re.compile(
    r"[。：:？！!?%％《》<>=]|[0-9]{3}|(?:推进|完成|开展|建设|落实|提升|加强|制定|印发|报送|前|底)$"
)
_BRACKET = re.compile(
    r"[（(\[【](?P<said>(?:[^（）()\[\]【】]|[（(][^（）()]*[）)])*?(?:负责|牵头|配合|责任单位|责任部门|落实|承办|会同)(?:[^（）()\[\]【】]|[（(][^（）()]*[）)])*)[）)\]】][\s。；;]*$"
)
_DEADLINE_LABEL = re.compile(r"^(?:完成|办结|整改)?(?:时限|期限|时间)(?:要求)?[:：]")


def is_many(name: str) -> bool:
    """Whether a name speaks of many units (各有关单位, 全区经济运行各专班)."""
    return is_collective(name) or bool(_ANY_COLLECTIVE.search(normal(name)))


def tracked_by_check(name: str) -> bool:
    """Whether ``duban check`` keeps this collective as text by itself."""
    return is_collective(name)


@dataclass
class Reader:
    """Reads deadline and unit cells of one import, each distinct text once."""

    year: int
    names: Names | None = None
    known: KnownNames | None = None
    _deadlines: dict[str, Reading] = field(default_factory=dict)
    _units: dict[str, UnitPhrase] = field(default_factory=dict)

    def deadline(self, phrase: str) -> Reading:
        """The reading of a deadline phrase in the plan's year."""
        found = self._deadlines.get(phrase)
        if found is None:
            found = self._deadlines[phrase] = read(phrase, year=self.year)
        return found

    def units(self, phrase: str) -> UnitPhrase:
        """The names in a responsibility phrase."""
        found = self._units.get(phrase)
        if found is None:
            found = self._units[phrase] = read_units(phrase, self.known)
        return found

    def is_deadline(self, text: str) -> bool:
        """Whether a text can only be a deadline, so that in a unit's column it has slipped."""
        if not text or len(text) > 40 or (self.names and self.names.find(text)):
            return False
        reading = self.deadline(text)
        return reading.kind in _SETTLED or (
            reading.kind is Kind.RELATIVE and any(char.isdigit() for char in text)
        )

    def is_unit(self, text: str) -> bool:
        """Whether a text in the deadline's column is an organisation."""
        if self.names is not None and self.names.find(text) is not None:
            return True
        flat = normal(text)
        return looks_like_unit(flat) or is_many(flat) or bool(_ORG_ONLY.fullmatch(flat))


_ORG_ONLY = re.compile(
    r"[\u4e00-\u9fff、,，;；()]{2,}(?:处|科|室|系|学院|大学|馆|会|组|社|园区|开发区|区|集团|总局|署|队|学校|中学|小学|厂)"
)


_ANY_ORG = re.compile(r"[局委办厅部院镇乡道处科室会站所校社馆团组市县区省州旗系司行署厂队村厅]$")


def like_person(name: str) -> bool:
    """Whether a name may be a person's: two or three characters that end like no organisation."""
    return bool(re.fullmatch(r"[\u4e00-\u9fff]{2,3}", name)) and not _ANY_ORG.search(name)


def odd_name(name: str) -> bool:
    """Whether a name looks like a sentence rather than a unit."""
    return len(name) > 30 or bool(_ODD_NAME.search(name))


def deadline_text(text: str, kind: str, can_read: Callable[[str], bool]) -> tuple[str, str]:
    """A deadline cell as one line, and what was done to it when that is more than joining lines."""
    if "\n" in text:
        joined = re.sub(r"\s*\n\s*", "", text)
        text = joined if can_read(joined) else re.sub(r"\s*\n\s*", "；", text)
    if kind == "number" and text.isdigit():
        number = int(text)
        if number in _SERIAL_DAYS:
            day = _EPOCH + timedelta(number)
            return (
                f"{day.year}年{day.month}月{day.day}日",
                f"单元格里是数字 {text}，是 Excel 的日期序号",
            )
        if number in _YEARS:
            return f"{text}年", f"单元格里是数字 {text}"
    return text, ""


def shortened(text: str) -> str:
    """A title of one line, at most 80 characters: the first sentence of what stands in the cell."""
    flat = re.sub(r"\s*\n\s*", "", text) if "\n" in text else text
    if len(flat) <= MAX_TITLE:
        return flat
    first = re.split(r"[。；;\n]", text.strip(), maxsplit=1)[0]
    first = re.sub(r"\s+", "", first)
    return first if len(first) <= MAX_TITLE else first[: MAX_TITLE - 1] + "…"


def said_in_brackets(text: str) -> tuple[str, str]:
    """The task without the responsibility that ends it in brackets, and that responsibility."""
    match = _BRACKET.search(text)
    if match is None or match.start() == 0:
        return text, ""
    return text[: match.start()].rstrip(), match["said"]


def without_deadline(phrase: str, is_deadline: Callable[[str], bool]) -> tuple[str, str]:
    """A responsibility phrase without the deadline said in it, and that deadline.

    A day that no calendar has is no unit either: it comes out too, so that it is told as a deadline.
    """
    pieces = re.split(r"([，,；;])", phrase)
    said = [_DEADLINE_LABEL.sub("", piece.strip()).rstrip("。") for piece in pieces]
    read = [at for at in range(0, len(said), 2) if said[at] and is_deadline(said[at])]
    for at in (*read, *range(0, len(said), 2)):
        piece = said[at]
        if at in read or _LIKE_DATE.fullmatch(piece):
            rest = "".join(pieces[: max(at - 1, 0)] + pieces[at + 1 :]).strip("，,；; ")
            return rest, piece
    return phrase, ""


_LIKE_DATE = re.compile(
    r"(?:[0-9]{4}[年./-])?[0-9]{1,2}(?:月|[./-][0-9]{1,2})(?:[0-9]{1,2}日)?(?:底|中旬|上旬|下旬)?(?:以?前)?(?:完成|办结)?"
)
_STAGE_ENDS = frozenset("月底前日旬度份年季末）)期")
_NUMBERING = re.compile(
    r"^(?:[0-9]{1,2}[.、．)）](?![0-9])|[（(][0-9一二三四五六七八九十]+[)）]|[①-⑳])\s*"
)
_IN_END = re.compile(r"(?P<what>.+?)[（(](?P<when>[^（）()]{2,20})[)）]")


def stage_of(piece: str, is_deadline: Callable[[str], bool]) -> tuple[str, str]:
    """3-4月，制定方案 or 制定方案（3-4月）: the deadline and the work; the piece and nothing otherwise."""
    bare = _NUMBERING.sub("", piece)
    for end in range(min(len(bare) - 1, 24), 1, -1):
        if bare[end - 1] in _STAGE_ENDS and is_deadline(bare[:end]):
            what = bare[end:].strip("，,：:；;、 。-—")
            if len(what) > 1:
                return bare[:end], what
    match = _IN_END.fullmatch(bare)
    if match and is_deadline(match["when"]):
        return match["when"], match["what"]
    return piece, ""
