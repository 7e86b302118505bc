"""Reads a responsibility phrase (甲牵头，乙、丙按职责分工负责) into names with their part in the task. Pure.

Everything stays verbatim: a name is a slice of the phrase, and where the reading differs from what was
written (省 said once for several departments) the name carries a note. Nothing is looked up by likeness.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from duban.matrix.names import NONE_WORDS, is_collective, normal
from duban.matrix.unit_words import (
    FIRST_LEADS,
    GENERIC,
    HEADS,
    LEAD,
    NAMELESS,
    OPEN_END,
    ORG_END,
    OWN_LEVEL,
    PARTY_ONLY,
    PREFIX,
    ROLE_TAG,
    SUPPORT,
    TAILS,
    TAKES_PREFIX,
    TOGETHER,
)

_NOTHING = NONE_WORDS | {
    "",
    "暂无",
    "不涉及",
    "/",
    "／",
    "－",
    "–",
    "―",
    "--",
    "---",
    "——",
    "\\",
    "空",
}


@dataclass(frozen=True, slots=True)
class NamePart:
    """One name. ``text``: how it is read; ``raw``: as written; ``role``: lead, support or unsaid."""

    text: str
    role: str
    raw: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class UnitPhrase:
    """What a responsibility phrase says.

    ``joint``: each does its own part (按职责分工负责). ``open_ended``: 等部门, the list goes on.
    ``none``: the phrase says that there is nobody (无, —, blank). ``first_leads``: it says that the
    first named leads.
    """

    names: tuple[NamePart, ...] = ()
    joint: bool = False
    open_ended: bool = False
    none: bool = False
    note: str = ""
    first_leads: bool = False

    def of(self, role: str) -> list[NamePart]:
        """The names in that role."""
        return [part for part in self.names if part.role == role]


class KnownNames:
    """Names that must not be split; those with a separator inside are sought, the longest first."""

    def __init__(self, names: Iterable[str]) -> None:
        listed = [name for name in names if name]
        self._known = {normal(name) for name in listed}
        hard = {_half(name) for name in listed if _INSIDE.search(_half(name))}
        self._hard = sorted(hard, key=len, reverse=True)

    def __contains__(self, name: str) -> bool:
        return normal(name) in self._known

    def guard(self, text: str) -> str:
        """The phrase with the separators inside known names hidden; its length stays the same."""
        half = _half(text)
        for name in self._hard:
            at = half.find(name)
            while at >= 0:
                end = at + len(name)
                if _begins(half, at) and _ends(half, end):
                    text = text[:at] + _hide(text[at:end]) + text[end:]
                    half = half[:at] + _hide(half[at:end]) + half[end:]
                at = half.find(name, end)
        return text


_SEPARATORS = "、，,；;/／。\n\r\t |｜"
_INSIDE = re.compile(r"[、，,；;/和及与\s]")
_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SHIFT = 0xE000  # private use: a separator that is part of a name
_HIDDEN = {ord(char): _SHIFT + ord(char) % 0x1000 for char in _SEPARATORS + "和及与并"}
_SHOWN = {hidden: char for char, hidden in _HIDDEN.items()}


def _half(text: str) -> str:
    return text.translate(_HALF)


def _hide(text: str) -> str:
    return text.translate(_HIDDEN)


def _show(text: str) -> str:
    return text.translate(_SHOWN)


def _begins(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] in ",;/:。、\n\t |(由和及与同"


def _ends(text: str, at: int) -> bool:
    return at == len(text) or text[at] in ",;/。、\n\t |)和及与等牵按负配协参共会联分具("


def read_units(phrase: str, known: KnownNames | None = None) -> UnitPhrase:
    """Read a responsibility phrase or a list of units; never raises.

    ``known`` are names of the directory: none of them is ever split.
    """
    text = phrase.strip()
    if normal(text) in _NOTHING:
        return UnitPhrase(none=True)
    return _Reading(known).read(text)


@dataclass
class _Reading:
    known: KnownNames | None
    done: list[NamePart] = field(default_factory=list)
    pending: list[NamePart] = field(default_factory=list)
    head: str | None = None
    joint: bool = False
    open_ended: bool = False

    def read(self, text: str) -> UnitPhrase:
        """Read piece by piece; a verb settles the names that stand before it."""
        first = bool(FIRST_LEADS.search(text))
        text = _FIRST_TAG.sub("", text)
        whole = re.fullmatch(r"[（(]([^（）()]+)[）)][。；]?", text)
        text = whole[1] if whole else text
        if self.known is not None:
            text = self.known.guard(text)
        for piece, mark in _pieces(_hide_brackets(text)):
            self._piece(_show(piece) if not _HIDDEN_ONE.search(piece) else piece, mark)
        self._settle(self._unsaid())
        names = _with_shared_prefix(tuple(self.done), self.known)
        notes = [part.note for part in names if part.note]
        return UnitPhrase(
            names=names,
            joint=self.joint,
            open_ended=self.open_ended,
            none=not names,
            note="".join(dict.fromkeys(notes)),
            first_leads=first,
        )

    def _unsaid(self) -> str:
        if self.head is not None:
            return self.head
        return SUPPORT if any(part.role == LEAD for part in self.done) else ""

    def _settle(self, role: str) -> None:
        self.done += [part if part.role else replace(part, role=role) for part in self.pending]
        self.pending = []

    def _piece(self, piece: str, mark: str) -> None:
        piece = piece.strip(" \u3000")
        piece = self._take_head(piece)
        body, tail = self._tail(piece)
        if _is_open(body):
            self.open_ended = True
            body = OPEN_END.sub("", body)
        before, after = _together(body, self.known)
        self._names(before)
        if after:
            self._settle(LEAD)
            self._names(after)
        self._say(tail)
        if mark in "；;。" and self.head:
            self._settle(self._unsaid())

    def _take_head(self, piece: str) -> str:
        for role, pattern in HEADS:
            match = pattern.match(piece)
            if match:
                self._settle(self._unsaid())
                self.head = role
                return self._take_head(piece[match.end() :])
        return piece

    def _tail(self, piece: str) -> tuple[str, str]:
        if self.known is not None and _show(piece) in self.known:
            return piece, ""
        for name, pattern in TAILS:
            match = pattern.search(piece)
            if match:
                return piece[: match.start()].rstrip("，,、 "), name
        return piece, ""

    def _say(self, tail: str) -> None:
        """The verb after names: 牵头 and 配合 settle a role, 负责 the lead unless there is one."""
        if not tail:
            return
        if tail == "joint":
            self.joint = True
        led = any(part.role == LEAD for part in (*self.done, *self.pending))
        unsaid = SUPPORT if led else (self.head or LEAD)
        self._settle(tail if tail in {LEAD, SUPPORT} else unsaid)

    def _names(self, body: str) -> None:
        for each in _split_and(body, self.known):
            raw = _show(each).strip()
            raw = (
                re.sub(r"^(?:由|请|以及|及|和|与)(?=.{2,})", "", raw)
                if not self._is_known(raw)
                else raw
            )
            if not raw or NAMELESS.fullmatch(raw):
                continue
            if self._joins(raw):
                continue
            text, role = _role_tag(raw)
            self.pending.append(NamePart(_joined(text), role, raw))

    def _is_known(self, name: str) -> bool:
        return self.known is not None and name in self.known

    def _joins(self, raw: str) -> bool:
        """各乡镇、街道 is one collective, not a collective and a unit called 街道."""
        last = self.pending[-1] if self.pending else None
        if last is None or raw not in GENERIC or not last.text.startswith("各"):
            return False
        both = f"{last.raw}、{raw}"
        self.pending[-1] = replace(last, text=f"{last.text}、{raw}", raw=both)
        return True


_FIRST_TAG = re.compile(r"[（(][^（）()]*(?:首位|第一|列首)[^（）()]*牵头[^（）()]*[）)]")
_HIDDEN_ONE = re.compile("[\ue000-\uefff]")


def _joined(text: str) -> str:
    """A name without the blanks that a narrow cell put into it."""
    return re.sub(r"\s+", "", text)


def _hide_brackets(text: str) -> str:
    return re.sub(r"[（(][^（）()]*[）)]", lambda match: _hide(match[0]), text)


def _pieces(text: str) -> list[tuple[str, str]]:
    """Pieces of a phrase and the separator after each; a blank separates only complete names."""
    found: list[tuple[str, str]] = []
    at = 0
    for match in re.finditer(r"[、，,；;/／。|｜]|\s+", text):
        piece = text[at : match.start()]
        mark = match[0]
        if mark.isspace() and not _blank_parts(piece, text[match.end() :]):
            continue
        found.append((piece, "、" if mark.isspace() else mark))
        at = match.end()
    found.append((text[at:], ""))
    return [(piece, mark) for piece, mark in found if piece.strip()]


_VERB_END = re.compile(r"(?:负责|牵头|配合|落实|参与|协助|[:：])$")


def _blank_parts(left: str, right: str) -> bool:
    left = left.strip()
    if not ORG_END.search(left) and not _VERB_END.search(left) and not is_collective(left):
        return False
    following = re.split(r"[、，,；;/／。\s]", right.strip(), maxsplit=1)[0]
    return len(following) > 1 and not (len(following) == 2 and following.endswith("局"))


def _is_open(body: str) -> bool:
    match = OPEN_END.search(body)
    return bool(match) and match is not None and match.start() > 0


def _together(body: str, known: KnownNames | None) -> tuple[str, str]:
    """甲会同乙: who leads, and with whom. 商 alone is a verb only between two complete names."""
    for match in TOGETHER.finditer(body):
        left, right = body[: match.start()], body[match.end() :]
        if match[0] in {"商", "联合", "协同"} and not (
            ORG_END.search(left) and ORG_END.search(right)
        ):
            continue
        whole = known is not None and _show(body) in known
        if left and right and not whole:
            return left, right
    return body, ""


def _split_and(body: str, known: KnownNames | None) -> list[str]:
    """Split at 和, 及, 与, 以及, 并 between two complete names; never inside one (工业和信息化局)."""
    if known is not None and _show(body) in known:
        return [body]
    for match in re.finditer(r"以及|[和及与并]", _hide_brackets(body)):
        left, right = body[: match.start()], body[match.end() :]
        if _both_names(_show(left).strip(), _show(right).strip(), known):
            return [left, *_split_and(right, known)]
    return [body]


def _both_names(left: str, right: str, known: KnownNames | None) -> bool:
    if not left or not right:
        return False
    if known is not None and left in known and (right in known or is_collective(right)):
        return True
    if (right in GENERIC and left.startswith("各")) or PARTY_ONLY.match(left):
        return False
    left_whole = bool(ORG_END.search(left)) or left.startswith("各")
    right_whole = bool(ORG_END.search(right)) or is_collective(right)
    return left_whole and right_whole and len(left) > 1


def _role_tag(raw: str) -> tuple[str, str]:
    """市科技局（牵头）: the name and its role. A second name in brackets stays in the name."""
    match = ROLE_TAG.search(raw)
    if match is None:
        return raw, ""
    if re.match(r"牵头|主办|主责", match["role"]):
        return raw[: match.start()], LEAD
    if re.match(r"配合|协办|协助|参与|参加", match["role"]):
        return raw[: match.start()], SUPPORT
    return raw, ""


# ---- a prefix written once ---------------------------------------------------------------------


def _with_shared_prefix(
    names: tuple[NamePart, ...], known: KnownNames | None
) -> tuple[NamePart, ...]:
    """省科技厅、工业和信息化厅: 省 is meant for both, when none of the later names says it again."""
    match = PREFIX.match(names[0].text) if len(names) > 1 else None
    if match is None or not TAKES_PREFIX.search(names[0].text):
        return names
    if any(part.text.startswith(match[0]) for part in names[1:]):
        return names
    return (names[0], *(_prefixed(part, match[0], known) for part in names[1:]))


def _prefixed(part: NamePart, prefix: str, known: KnownNames | None) -> NamePart:
    bare = not OWN_LEVEL.match(part.text) and bool(TAKES_PREFIX.search(part.text))
    listed = known is not None and part.text in known
    if not bare or listed or is_collective(part.text):
        return part
    note = f"“{part.raw}”前省去了“{prefix}”，按“{prefix}{part.text}”读。"
    return replace(part, text=prefix + part.text, note=note)
