"""The generated sentence of a line: plain text with names in braces, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence such as ``未完成{title}任务{short}{counted_in}，扣{points}分``."""

    text: str
    parts: tuple[tuple[str, str], ...]  # literal text, then a name or nothing

    @property
    def names(self) -> tuple[str, ...]:
        """What the sentence asks for."""
        return tuple(name for _, name in self.parts if name)

    def fill(self, values: Mapping[str, str]) -> str:
        """The sentence with its values. Raises KeyError for a name the values lack."""
        return "".join(
            literal + (values[name] if name else "") for literal, name in self.parts
        ).strip()


EMPTY = Template("", ())


def read_template(text: str) -> Template | None:
    """A template, or None when a brace is open or holds more than a name."""
    try:
        pieces = list(Formatter().parse(text))
    except ValueError:
        return None
    parts: list[tuple[str, str]] = []
    for literal, name, spec, conversion in pieces:
        if name is not None and (spec or conversion or not name.isidentifier()):
            return None
        parts.append((literal, name or ""))
    return Template(text, tuple(parts))
