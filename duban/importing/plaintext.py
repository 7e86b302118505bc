"""Writes plain rows as YAML: letter for letter what the drafts of the same rows give, several times as fast.

Most rows of a long table are *tame*: no text of theirs holds a character that YAML knows, so a value is
plain as soon as it begins with a Chinese character, and nothing has to be looked at but that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duban.importing.emit import block, remark, scalar
from duban.importing.stretch import Stretch

_INDENT = "    "
_FIRST, _LAST = "\u4e00", "\u9fff"  # Chinese characters, with which a plain value begins


_AT_ONCE = 250  # tasks written together: few enough that their pieces stay in the processor's cache


def plain_texts(stretch: Stretch) -> Iterator[str]:
    """Each task of a stretch."""
    for start in range(0, len(stretch.rows), _AT_ONCE):
        ats = range(start, min(start + _AT_ONCE, len(stretch.rows)))
        tame = [at for at in ats if stretch.rows[at] in stretch.tame]
        written = _Tame(stretch, tame).texts()
        if len(tame) == len(ats):
            yield from written
            continue
        texts = dict(zip(tame, written, strict=True))
        for at in ats:
            yield texts.get(at) or _any_text(stretch, at)


def _any_text(stretch: Stretch, at: int) -> str:
    """A task whose values have to be looked at one by one."""
    layout, cells, title = stretch.layout, stretch.cells[at], stretch.titles[at]
    text, shared = stretch.work(at)
    clause, goal = stretch.clause(cells), layout.goal(cells)
    place = stretch.grid.place(stretch.rows[at], layout.title)
    said = f"  - id: {stretch.task_id(at)}   {remark(stretch.grid.name + '!')}{place}\n"
    said += f"    title: {scalar(title)}\n"
    if shared:
        said += f"    {remark(shared)}\n"
    for column, label in layout.extra:
        if cells[column]:
            said += f"    {remark(label + cells[column])}\n"
    said += block("text", text, _INDENT) + "\n" if text else ""
    said += f"    clause: {scalar(clause)}\n" if clause else ""
    said += stretch.units[at].lines
    said += block("deliverable", goal, _INDENT) + "\n" if goal else ""
    return said + stretch.dues[cells[layout.due]]


class _Tame:
    """The tame tasks of a stretch, written a column at a time: a list for each line of the YAML."""

    def __init__(self, stretch: Stretch, ats: Sequence[int]) -> None:
        self.stretch, self.layout, self.ats = stretch, stretch.layout, ats
        self.rows = [stretch.rows[at] for at in ats]
        self.cells = [stretch.cells[at] for at in ats]
        self.titles = [stretch.titles[at] for at in ats]

    def texts(self) -> Iterator[str]:
        """Each task."""
        layout, lines, dues = self.layout, self.stretch.units, self.stretch.dues
        contents, shared = self._works()
        columns = [
            self._heads(),
            list(map(_tame, self.titles)),
            shared,
            *(self._remarks(*each) for each in layout.extra),
            [f"\n{_text(each)}" if each else "" for each in contents],
            self._clauses(),
            [f"\n{lines[at].lines}" for at in self.ats],
            self._goals(),
            [dues[cells[layout.due]] for cells in self.cells],
        ]
        return map("".join, zip(*columns, strict=True))

    def _heads(self) -> list[str]:
        stretch, column = self.stretch, self.layout.title
        first, digits, grid = stretch.first, stretch.digits, stretch.grid
        sheet = remark(f"{grid.name}!")
        if grid.numbered:
            above = sheet + grid.place(0, column).removesuffix("1")
            places = [f"{above}{row + 1}" for row in self.rows]
        else:
            places = [f"{sheet}{grid.place(row, column)}" for row in self.rows]
        return [
            f"  - id: T-{first + at:0{digits}d}   {place}\n    title: "
            for at, place in zip(self.ats, places, strict=True)
        ]

    def _works(self) -> tuple[list[str], list[str]]:
        """What the tasks say beside their titles, and remarks on task cells that they share."""
        layout, shared, text = self.layout, self.stretch.shared, self.layout.text
        contents = [cells[text] for cells in self.cells] if text >= 0 else [""] * len(self.rows)
        remarks = [""] * len(self.rows)
        for place, (row, cells, title) in enumerate(
            zip(self.rows, self.cells, self.titles, strict=True)
        ):
            if cells[layout.title] != title or contents[place] == title or row in shared:
                contents[place], told = self.stretch.work(self.ats[place])
                remarks[place] = f"\n    # {told}" if told else ""
        return contents, remarks

    def _remarks(self, column: int, label: str) -> list[str]:
        return [f"\n    # {label}{cells[column]}" if cells[column] else "" for cells in self.cells]

    def _clauses(self) -> list[str]:
        serial, above = self.layout.serial, self.stretch.above
        if serial < 0:
            said = self.stretch.clause([])
            return [f"\n    clause: {scalar(said)}" if said else ""] * len(self.rows)
        # Headings before the serial hold a blank and so need quotes, which are put there once.
        path = " ".join((*above, "序号"))
        head, end = (scalar(path)[:-1], '"') if above else (path, "")
        alone = f"\n    clause: {scalar(' '.join(above))}" if above else ""
        return [
            f"\n    clause: {head}{cells[serial]}{end}" if cells[serial] else alone
            for cells in self.cells
        ]

    def _goals(self) -> list[str]:
        goals = self.layout.goals
        return [_goal([cells[at] for at in goals if cells[at]]) for cells in self.cells]


def _tame(value: str) -> str:
    return value if _FIRST <= value[0] <= _LAST else scalar(value)


def _text(value: str) -> str:
    """What a task says beside its title: below a title that was shortened stands the whole of it."""
    return f"    text: {_tame(value)}" if "\n" not in value else block("text", value, _INDENT)


def _goal(said: list[str]) -> str:
    """What is to be delivered: one tame text, or each different one on a line of its own."""
    if not said:
        return ""
    lines = said if len(said) == 1 else list(dict.fromkeys(said))
    if len(lines) == 1:
        return f"    deliverable: {_tame(lines[0])}\n"
    for line in lines:
        if not _FIRST <= line[0] <= _LAST:
            return block("deliverable", "\n".join(lines), _INDENT) + "\n"
    told = "\n      ".join(lines)
    return f"    deliverable: |-\n      {told}\n"
