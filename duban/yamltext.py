"""Reads the office's YAML, keeping raw text, file and line of every value.

The only module that imports ``yaml``. Values stay text until a reader asks for a number or a date,
because the usual loaders turned ``12:30`` into 750, section ``3.10`` into 3.1, ``NO`` into False, and
kept the second of two equal keys without a word. Anchors, aliases, tags, several documents and files
over 5 MB are refused: a matrix needs none of them and each can be made to explode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import yaml

from duban.errors import Issues, Place

T = TypeVar("T")

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 24
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_YES = frozenset({"true", "yes", "是"})
_NO = frozenset({"false", "no", "否"})
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser takes a seventh of the time


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar as written."""

    raw: str
    place: Place
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        """Whether nothing was written: blank, ``~`` or ``null`` without quotes."""
        return not self.quoted and self.raw in _NULLS


@dataclass(frozen=True, slots=True)
class Listing:
    """A sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping with the place of each key; keys are unique."""

    entries: dict[str, Node]
    keys: dict[str, Place]
    place: Place


Node = Text | Listing | Mapping


def read_rows(path: Path, shown_as: str, issues: Issues) -> Row | None:
    """Read a YAML file whose top is a mapping. None when it cannot be read: issues say why."""
    node = read_node(path, shown_as, issues)
    if node is None:
        return None
    if not isinstance(node, Mapping):
        issues.error(
            "yaml-top",
            node.place,
            "文件最外层应为“键: 值”的形式。",
            "第一行写成“键: 值”，列表写在键的下面。",
        )
        return None
    return Row(node, issues)


def read_node(path: Path, shown_as: str, issues: Issues) -> Node | None:
    """Read one YAML document as nodes; mistakes go to ``issues``."""
    text = _read_text(path, shown_as, issues)
    return None if text is None else parse(text, shown_as, issues)


def _read_text(path: Path, shown_as: str, issues: Issues) -> str | None:
    place = Place(shown_as)
    try:
        if not path.is_file():
            issues.error(
                "file-missing",
                place,
                "找不到这个文件。",
                "检查文件名和所在文件夹，或用 duban init 生成一套。",
            )
            return None
        if path.stat().st_size > MAX_BYTES:
            issues.error(
                "file-too-big",
                place,
                "文件超过 5 MB。",
                "拆成几个文件；任务分工用不了这么大的文件。",
            )
            return None
        raw = path.read_bytes()
    except OSError as problem:
        issues.error(
            "file-unreadable", place, f"文件读不出来（{problem.strerror}）。", "检查文件权限。"
        )
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        issues.error(
            "encoding",
            Place(shown_as, line),
            "文件不是 UTF-8 编码，从这一行起读不出汉字。",
            "用编辑器“另存为”，编码选 UTF-8。",
        )
        return None


def parse(text: str, shown_as: str, issues: Issues) -> Node | None:
    """Parse YAML text to nodes; the first syntax error ends the reading of this file."""
    builder = _Builder(shown_as, issues)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if not builder.take(event):
                return None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else None
        issues.error(
            "yaml-syntax",
            Place(shown_as, line),
            f"YAML 写法有误（{_reason(problem)}）。",
            _SYNTAX_HINT,
        )
        return None
    except yaml.YAMLError as problem:
        line = _line_of_bad_character(text, problem)
        issues.error(
            "yaml-syntax",
            Place(shown_as, line),
            "文件里有不能出现的控制字符。",
            "删去看不见的控制字符后重存。",
        )
        return None
    if builder.root is None:
        issues.error(
            "file-empty",
            Place(shown_as),
            "文件是空的。",
            "照 tasks_def/README.md 的样子填写，或删去此文件。",
        )
    return builder.root


_SYNTAX_HINT = "检查缩进是否只用空格、冒号后是否有空格、引号是否成对、全角冒号“：”不能代替“:”。"
_REASONS = {
    "mapping values are not allowed": "这里不该再出现冒号，或上一行少了引号",
    "could not find expected ':'": "少了冒号",
    "found character '\\t'": "用了制表符缩进",
    "found a tab character": "用了制表符缩进",
    "found character that cannot start any token": "有不能开头的字符（常见为制表符、@ 或 `）",
    "did not find expected key": "缩进不齐，或少了一个键",
    "did not find expected '-' indicator": "列表缩进不齐",
    "found unexpected end of stream": "引号没有配对",
    "did not find expected ',' or": "方括号或花括号没有配对",
    "found duplicate anchor": "用了锚点",
}


def _reason(problem: yaml.MarkedYAMLError) -> str:
    said = " ".join(str(part) for part in (problem.problem, problem.context) if part)
    for english, chinese in _REASONS.items():
        if english in said:
            return chinese
    return said


def _line_of_bad_character(text: str, problem: yaml.YAMLError) -> int | None:
    position = getattr(problem, "position", None)
    return text[:position].count("\n") + 1 if isinstance(position, int) else None


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    place: Place
    is_map: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    key: Text | None = None
    duplicate: bool = False


class _Builder:
    """Builds nodes from parser events; a stack, so that depth is bounded by us and not by Python."""

    def __init__(self, shown_as: str, issues: Issues) -> None:
        self._file = shown_as
        self._issues = issues
        self._stack: list[_Open] = []
        self._documents = 0
        self.root: Node | None = None

    def take(self, event: yaml.Event) -> bool:
        """Take one event; False when this file must not be read further."""
        mark = event.start_mark
        place = Place(self._file, mark.line + 1 if mark else None)
        if isinstance(event, yaml.DocumentStartEvent):
            return self._start_document(place)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return self._refuse(
                "yaml-alias",
                place,
                "用了锚点或别名（& 或 *）。",
                "把内容照写一遍；以 & 或 * 开头的文字请加引号。",
            )
        if getattr(event, "tag", None) not in {None, "!"}:
            return self._refuse(
                "yaml-tag", place, "用了类型标记（!）。", "删去标记；以 ! 开头的文字请加引号。"
            )
        if isinstance(event, yaml.ScalarEvent):
            return self._add(Text(event.value, place, quoted=event.style in {"'", '"', "|", ">"}))
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            return self._open(place, is_map=isinstance(event, yaml.MappingStartEvent))
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            return self._close()
        return True

    def _refuse(self, code: str, place: Place, message: str, way_out: str) -> bool:
        self._issues.error(code, place, message, way_out)
        return False

    def _start_document(self, place: Place) -> bool:
        self._documents += 1
        if self._documents > 1:
            return self._refuse(
                "yaml-documents", place, "一个文件里有两份文档（---）。", "拆成两个文件。"
            )
        return True

    def _open(self, place: Place, *, is_map: bool) -> bool:
        if len(self._stack) >= MAX_DEPTH:
            return self._refuse("yaml-depth", place, f"嵌套超过 {MAX_DEPTH} 层。", "检查缩进。")
        top = self._stack[-1] if self._stack else None
        if top is not None and top.is_map and top.key is None:
            return self._refuse("yaml-key", place, "键必须是一个词。", "检查冒号和缩进。")
        self._stack.append(_Open(place, is_map))
        return True

    def _close(self) -> bool:
        done = self._stack.pop()
        node: Node = (
            Mapping(done.entries, done.keys, done.place)
            if done.is_map
            else Listing(tuple(done.items), done.place)
        )
        return self._add(node)

    def _add(self, node: Node) -> bool:
        if not self._stack:
            self.root = None if isinstance(node, Text) and node.is_null else node
            return True
        top = self._stack[-1]
        if not top.is_map:
            top.items.append(node)
        elif top.key is None:
            return self._start_key(top, node)
        else:
            if not top.duplicate:
                top.entries[top.key.raw] = node
            top.key = None
        return True

    def _start_key(self, top: _Open, node: Node) -> bool:
        if not isinstance(node, Text):
            return self._refuse("yaml-key", node.place, "键必须是一个词。", "检查冒号和缩进。")
        top.key = node
        top.duplicate = node.raw in top.keys
        if top.duplicate:
            first = top.keys[node.raw].line
            self._issues.error(
                "duplicate-key",
                node.place,
                f"“{node.raw}”写了两次（第一次在第 {first} 行）。",
                "删去其中一个，以免漏看。",
            )
        else:
            top.keys[node.raw] = node.place
        return True


class Row:
    """A mapping being read: ask for each key by its type, then ``close`` to refuse unknown keys."""

    def __init__(self, node: Mapping, issues: Issues) -> None:
        self._node = node
        self._issues = issues
        self._asked: set[str] = set()

    @property
    def place(self) -> Place:
        """Where the mapping begins."""
        return self._node.place

    @property
    def issues(self) -> Issues:
        """The list that mistakes go to."""
        return self._issues

    def place_of(self, key: str) -> Place:
        """Where the value of a key was written, or the mapping's own place."""
        node = self._node.entries.get(key)
        if isinstance(node, Text):
            return node.place
        return self._node.keys.get(key, self._node.place)

    def has(self, key: str) -> bool:
        """Whether a value was written for this key."""
        return self._get(key) is not None

    def written(self) -> list[str]:
        """All keys as written, in order; marks them as asked."""
        self._asked.update(self._node.entries)
        return list(self._node.entries)

    def _get(self, key: str) -> Node | None:
        self._asked.add(key)
        node = self._node.entries.get(key)
        return None if isinstance(node, Text) and node.is_null else node

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """The text of a key, stripped; an error when required and blank."""
        node = self._get(key)
        if isinstance(node, Text):
            value = node.raw.strip()
            if value or not required:
                return value
        elif node is not None:
            self._issues.error(
                "not-text", self.place_of(key), f"“{key}”应为一段文字。", "写成“键: 文字”。"
            )
            return default
        if required:
            self._issues.error("missing", self.place_of(key), f"缺少“{key}”。", f"补上“{key}: …”。")
        return default

    def convert(self, key: str, read: Callable[[str], T | None], what: str, default: T) -> T:
        """The value of a key through ``read``, which gives None for what it cannot read."""
        raw = self.text(key)
        if not raw:
            return default
        value = read(raw)
        if value is None:
            self._issues.error(
                _code_of(what),
                self.place_of(key),
                f"“{key}: {raw}”不是{what}。",
                f"改成{what}。",
            )
            return default
        return value

    def choice(
        self, key: str, allowed: tuple[str, ...], default: str = "", *, required: bool = False
    ) -> str:
        """One of the allowed words."""
        raw = self.text(key, default, required=required)
        if raw and raw not in allowed:
            self._issues.error(
                "not-a-choice",
                self.place_of(key),
                f"“{key}: {raw}”不在可选项里。",
                f"可选：{'、'.join(allowed)}。",
            )
            return default
        return raw

    def integer(self, key: str, default: int = 0, *, least: int | None = None) -> int:
        """A whole number."""
        value = self.convert(key, _integer, "整数", default)
        if least is not None and value < least:
            self._issues.error(
                "too-small",
                self.place_of(key),
                f"“{key}: {value}”小于 {least}。",
                f"不小于 {least}。",
            )
        return value

    def decimal(self, key: str, default: Decimal | None = None) -> Decimal | None:
        """A decimal number, exact."""
        return self.convert(key, read_decimal, "数", default)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Yes or no (true/false, 是/否)."""
        return self.convert(key, _flag, "“是”或“否”", default)

    def day(self, key: str, default: date | None = None) -> date | None:
        """A date written ``2026-11-22``; an impossible date is an error."""
        return self.convert(key, read_date, "日期（如 2026-11-22，且须是日历上有的一天）", default)

    def clock(self, key: str, default: time) -> time:
        """A wall-clock time written ``08:30``."""
        return self.convert(key, _clock, "时刻（如 08:30）", default)

    def texts(self, key: str) -> list[Text]:
        """A list of texts with their places; a single text counts as a list of one."""
        node = self._get(key)
        if node is None:
            return []
        items = node.items if isinstance(node, Listing) else (node,)
        found: list[Text] = []
        for item in items:
            if isinstance(item, Text):
                if not item.is_null:
                    found.append(item)
            else:
                self._issues.error(
                    "not-text",
                    item.place,
                    f"“{key}”里应是一串文字。",
                    "写成 [甲, 乙] 或每行“- 甲”。",
                )
        return found

    def row(self, key: str) -> Row | None:
        """A mapping under a key."""
        node = self._get(key)
        if isinstance(node, Mapping):
            return Row(node, self._issues)
        if node is not None:
            self._issues.error(
                "not-a-map",
                self.place_of(key),
                f"“{key}”下面应为“键: 值”。",
                "每行一个“键: 值”，缩进两格。",
            )
        return None

    def rows(self, key: str) -> list[Row]:
        """A list of mappings under a key."""
        node = self._get(key)
        if node is None:
            return []
        if not isinstance(node, Listing):
            self._issues.error(
                "not-a-list", self.place_of(key), f"“{key}”下面应为列表。", "每项以“- ”开头。"
            )
            return []
        return list(self._only_rows(key, node))

    def _only_rows(self, key: str, node: Listing) -> Iterator[Row]:
        for item in node.items:
            if isinstance(item, Mapping):
                yield Row(item, self._issues)
            else:
                self._issues.error(
                    "not-a-map",
                    item.place,
                    f"“{key}”的每一项应为“键: 值”。",
                    "每项写成“- 键: 值”。",
                )

    def node(self, key: str) -> Node | None:
        """The raw node of a key, for readers of their own grammar."""
        return self._get(key)

    def close(self) -> None:
        """Refuse keys nobody asked for: a misspelt key must not be ignored."""
        for key, place in self._node.keys.items():
            if key not in self._asked:
                near = get_close_matches(key, sorted(self._asked), n=1, cutoff=0.6)
                hint = (
                    f"是不是“{near[0]}”？"
                    if near
                    else f"可用的键：{'、'.join(sorted(self._asked))}。"
                )
                self._issues.error("unknown-key", place, f"不认识的键“{key}”。", hint)


_CODES = {"整数": "integer", "数": "number", "日期": "date", "时刻": "time", "分值": "points"}


def _code_of(what: str) -> str:
    """The stable code of “this is not a …”, for those who script against it."""
    return f"not-a-{_CODES.get(what.split('（', maxsplit=1)[0], 'value')}"


def read_date(raw: str) -> date | None:
    """A date from ``YYYY-M-D``, or None."""
    match = _DATE.fullmatch(raw)
    try:
        return date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None


def read_decimal(raw: str) -> Decimal | None:
    """An exact finite number, or None."""
    try:
        value = Decimal(raw.replace(",", ""))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _integer(raw: str) -> int | None:
    return int(raw) if re.fullmatch(r"-?\d{1,12}", raw, re.ASCII) else None


def _flag(raw: str) -> bool | None:
    word = raw.lower()
    return True if word in _YES else False if word in _NO else None


def _clock(raw: str) -> time | None:
    match = _TIME.fullmatch(raw)
    return time(int(match[1]), int(match[2])) if match else None
