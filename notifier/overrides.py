"""Templates: the built-in ones, and those the office put into ``config/templates/`` in their place.

One template per medium, and one per kind and medium where wanted: ``urgent-mail.txt`` counts before
``mail.txt``. An override that cannot be used never stops a message: the built-in one speaks, and the
message, the doctor and the log say why.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from notifier.message import Bundle, Line, Section
from notifier.sandbox import MAX_SOURCE_BYTES, BadTemplateError, Fault, compiled, rendered

BUILT_IN = Path(__file__).parent / "templates"
FOLDER = "templates"
"""The folder below ``config/`` that overrides lie in."""
MEDIA: Mapping[str, str] = {
    "mail.html": "html",
    "mail.txt": "txt",
    "bot.md": "md",
    "text.txt": "md",
}
"""Each template and how values are neutralised in it: a chat program reads signs in plain text too."""
TOLD: Mapping[str, str] = {
    "mail.html": "邮件的网页正文",
    "mail.txt": "邮件的纯文字正文",
    "bot.md": "群机器人、企业微信应用的 Markdown 正文（form: md）",
    "text.txt": "只发纯文字的渠道（form: text）",
}
KINDS: Mapping[str, str] = {"day": "日常", "urgent": "加急"}
NAMES = (*MEDIA, *(f"{kind}-{medium}" for kind in KINDS for medium in MEDIA))
CONTEXT = ("b", "subject", "sections", "reader", "kinds", "example_mark", "copy")
FIELDS = frozenset(each.name for of in (Bundle, Line, Section) for each in fields(of)) - {"address"}
"""What may stand behind a dot; a reader's address belongs in no message."""
_LOG = logging.getLogger("duban.templates")


def medium_of(name: str) -> str:
    """The medium of a template's name: ``mail.txt`` of ``urgent-mail.txt``."""
    return name.rpartition("-")[2]


@dataclass(frozen=True, slots=True)
class Override:
    """A template of the office: its text ready for use, or what is wrong with it."""

    name: str
    path: Path
    template: Template | None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of one office."""

    overrides: Mapping[str, Override] = field(default_factory=dict)

    def write(self, kind: str, medium: str, context: Mapping[str, Any]) -> tuple[str, str]:
        """What a message says in a medium, and a sentence when an override could not be used."""
        override = self.overrides.get(f"{kind}-{medium}") or self.overrides.get(medium)
        if override is None:
            return rendered(_built_in(medium), context, bounded=False), ""
        try:
            if override.template is None:
                raise BadTemplateError(*override.faults)
            return rendered(override.template, context), ""
        except BadTemplateError as problem:
            said = f"模板 config/{FOLDER}/{override.name} 用不了，按内置模板写：{problem}"
            _LOG.warning("%s", said)
            return rendered(_built_in(medium), context, bounded=False), said


@lru_cache(maxsize=8)
def _built_in(medium: str) -> Template:
    return compile_text((BUILT_IN / medium).read_text(encoding="utf-8"), medium)


def compile_text(source: str, name: str) -> Template:
    """A template of that name from its text. Raises BadTemplateError."""
    return compiled(source, MEDIA[medium_of(name)], CONTEXT, FIELDS)


SHIPPED = Templates()


Stamp = tuple[int, int]


def present(config: Path) -> tuple[tuple[Path, Stamp], ...]:
    """The templates of an office that are there, each with what changes when its file does."""
    found = ((path, _stamp(path)) for path in (config / FOLDER / name for name in NAMES))
    return tuple((path, stamp) for path, stamp in found if stamp)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def read_override(path: Path) -> Override:
    """A template of the office, ready or with what is wrong with its writing."""
    try:
        return Override(path.name, path, compile_text(_read(path), path.name))
    except BadTemplateError as problem:
        return Override(path.name, path, None, problem.faults)


def _read(path: Path) -> str:
    """A template's text. Raises BadTemplateError when it is too big, unreadable or not UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as problem:
        told = f"模板读不出来（{problem.strerror}）。"
        raise BadTemplateError(Fault("file-unreadable", None, told, "检查文件权限。")) from None
    if len(raw) > MAX_SOURCE_BYTES:
        told = f"模板超过 {MAX_SOURCE_BYTES // 1024} KB。"
        raise BadTemplateError(Fault("template-size", None, told, "模板只写格式，用不了这么长。"))
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        told, way_out = "模板不是 UTF-8 编码。", "用编辑器“另存为”，编码选 UTF-8。"
        raise BadTemplateError(Fault("encoding", line, told, way_out)) from None
