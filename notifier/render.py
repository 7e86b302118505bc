"""Renders bundles to mail text, mail HTML and bot Markdown from the templates beside this file.

Sandboxed with ``StrictUndefined``: a name that is missing fails in a test, not as a blank in a notice.
Titles and phrases come from the office's files and from units; they are neutralised for each medium.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import lru_cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from duban.matrix.model import POST_NAMES
from duban.settings import EXAMPLE_MARK
from notifier.group import rank, sections
from notifier.message import KIND_NAMES, KINDS, Bundle, Line, Rendered

TEMPLATES = Path(__file__).parent / "templates"
SUBJECT_CHARS = 80
_WEEKDAYS = "一二三四五六日"
_NUMERALS = "一二三四"

# Bots are not full CommonMark and backslash escapes are not sure to work: look-alikes always do.
_LOOKALIKES = str.maketrans({char: chr(ord(char) + 0xFEE0) for char in "\\`*_{}[]()#+!|<>~@&"})
# Colours and shapes stand beside the word: a lamp must be readable in print and to the colour-blind.
_LAMPS = (("红", "#b01c24", "■"), ("黄", "#8a5a00", "▲"), ("绿", "#176b3a", "●"))


def plain(value: object) -> str:
    """One line of text without control, zero-width or direction-turning characters."""
    text = str(value)
    if text.isprintable():  # nothing to take out, as nearly always
        return " ".join(text.split())
    kept = (
        char if char.isprintable() or char == " " else " "
        for char in text
        if unicodedata.category(char) != "Cf"
    )
    return " ".join("".join(kept).split())


def md(value: object) -> str:
    """Text that no bot takes for markup, a link or a mention: signs become full-width look-alikes."""
    return plain(value).translate(_LOOKALIKES).replace("://", "：//")


def href(value: object) -> str:
    """An address that is safe in a link: http or https without blanks or quotes, else empty."""
    text = str(value)
    return text if re.fullmatch(r"https?://[^\s\"'<>`\\]+", text) else ""


def day_text(day: date) -> str:
    """2026年11月23日（星期一）."""
    return f"{day.year}年{day.month}月{day.day}日（星期{_WEEKDAYS[day.weekday()]}）"


def lamp_colour(word: str) -> str:
    """The ink of a lamp's word."""
    return next((ink for sign, ink, _ in _LAMPS if sign in word), "#555555")


def lamp_text(word: str) -> str:
    """A lamp as shape and word."""
    shape = next((shape for sign, _, shape in _LAMPS if sign in word), "○")
    return f"{shape}{plain(word)}" if word else ""


@lru_cache(maxsize=1)
def _templates() -> dict[str, Template]:
    """The templates, compiled once."""
    env = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    for function in (plain, md, href, day_text, lamp_colour, lamp_text):
        env.filters[function.__name__] = function
    return {name: env.get_template(name) for name in ("mail.txt", "mail.html", "bot.md")}


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


def render(bundle: Bundle) -> Rendered:
    """The bundle in its three forms. Raises ValueError when it has no line: there is nothing to say."""
    if not bundle.lines:
        msg = f"bundle of {bundle.unit}/{bundle.post} has no line"
        raise ValueError(msg)
    subject = subject_of(bundle)
    context = {
        "b": bundle,
        "subject": subject,
        "sections": list(zip(_NUMERALS, sections(bundle.lines, bundle.day), strict=False)),
        "reader": _reader(bundle),
        "kinds": KIND_NAMES,
        "example_mark": EXAMPLE_MARK,
    }
    made = {name: template.render(context) for name, template in _templates().items()}
    return Rendered(subject, made["mail.txt"], made["mail.html"], made["bot.md"].strip())
