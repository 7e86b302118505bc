"""Renders bundles to mail text, mail HTML, bot Markdown and chat text, in the office's own templates.

Titles and phrases come from the office's files and from units; they are neutralised for each medium
(``notifier.neutral``), whatever a template says.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from duban.matrix.model import POST_NAMES
from duban.settings import EXAMPLE_MARK
from notifier.group import rank, sections
from notifier.message import KIND_NAMES, KINDS, Bundle, Line, Rendered
from notifier.neutral import Own, href, md, plain
from notifier.overrides import SHIPPED, Templates

__all__ = ["SUBJECT_CHARS", "context_of", "href", "md", "plain", "render", "subject_of"]

SUBJECT_CHARS = 80
_NUMERALS = "一二三四"
_ALL = ("mail", "md", "text")


def subject_of(bundle: Bundle) -> str:
    """What the reader sees first: what it is, for whom, how many, how late."""
    kind = min((line.kind for line in bundle.lines), key=KINDS.index)
    mark = f"【{EXAMPLE_MARK}】" if bundle.example else ""
    urgent = "加急" if bundle.urgent else ""
    head = f"{mark}【{urgent}{KIND_NAMES[kind]}】{plain(bundle.unit_name)}："
    told = head + _told(bundle)
    return told if len(told) <= SUBJECT_CHARS else told[: SUBJECT_CHARS - 1] + "…"


def _told(bundle: Bundle) -> str:
    day = f"（{bundle.day.month}月{bundle.day.day}日）"
    if len(bundle.lines) == 1:
        return f"{_name(bundle.lines[0])}，{plain(bundle.lines[0].status_text)}{day}"
    ranks = [rank(line, bundle.day) for line in bundle.lines]
    parts = [f"{len(ranks)}件待办"]
    parts += [f"{ranks.count(0)}件已逾期"] if 0 in ranks else []
    parts += [f"{ranks.count(1)}件今天到期"] if 1 in ranks else []
    return "，".join(parts) + day


def _name(line: Line) -> str:
    """A title, cut short for a subject, with its period."""
    title = plain(line.title)
    short = title if len(title) <= 30 else title[:29] + "…"
    return f"{short}（{plain(line.label)}）" if line.label else short


def _reader(bundle: Bundle) -> str:
    """How the reader is addressed: unit, post and name, the post once."""
    post = POST_NAMES.get(bundle.post, "")
    person = plain(bundle.person)
    names = [plain(bundle.unit_name), "" if person.startswith(post) else post, person]
    return " ".join(name for name in names if name)


def context_of(bundle: Bundle, *, copy: bool = False) -> dict[str, Any]:
    """What a template is given. ``copy``: it repeats in a group what a person was told.

    Raises ValueError when the bundle has no line: there is nothing to say.
    """
    if not bundle.lines:
        msg = f"bundle of {bundle.unit}/{bundle.post} has no line"
        raise ValueError(msg)
    return {
        "b": replace(bundle, office=Own(bundle.office), contact=Own(bundle.contact), address=""),
        "subject": subject_of(bundle),
        "sections": list(zip(_NUMERALS, sections(bundle.lines, bundle.day), strict=False)),
        "reader": _reader(bundle),
        "kinds": KIND_NAMES,
        "example_mark": EXAMPLE_MARK,
        "copy": copy,
    }


def render(
    bundle: Bundle,
    templates: Templates = SHIPPED,
    *,
    forms: Collection[str] = _ALL,
    copy: bool = False,
) -> Rendered:
    """The bundle in the forms that channels ask for (mail, md, text); the others stay empty.

    ``problems`` of the answer tells which of the office's templates could not be used. Raises
    ValueError when the bundle has no line.
    """
    context = context_of(bundle, copy=copy)
    kind = "urgent" if bundle.urgent else "day"
    wanted = {
        "mail.txt": "mail" in forms,
        "mail.html": "mail" in forms,
        "bot.md": "md" in forms,
        "text.txt": "text" in forms,
    }
    made = {
        medium: templates.write(kind, medium, context) if asked else ("", "")
        for medium, asked in wanted.items()
    }
    return Rendered(
        context["subject"],
        made["mail.txt"][0],
        made["mail.html"][0],
        made["bot.md"][0].strip(),
        made["text.txt"][0].strip(),
        tuple(dict.fromkeys(problem for _, problem in made.values() if problem)),
    )
