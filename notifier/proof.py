"""Proves the office's templates before they are used: renders each against every kind of message.

What is told: mistakes of writing, parts that a notice must have, output that is too long for a channel,
and markup that a unit's own words would become.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

from duban.errors import Issues, Place
from duban.ledger.links import PLACEHOLDER
from duban.settings import EXAMPLE_MARK, Home
from notifier.channel import Channel
from notifier.config import Channels
from notifier.message import KINDS, Bundle, Line
from notifier.neutral import Own, chat, href, said
from notifier.overrides import (
    FOLDER,
    MEDIA,
    NAMES,
    SHIPPED,
    Override,
    Stamp,
    Templates,
    medium_of,
    present,
    read_override,
)
from notifier.render import context_of
from notifier.sandbox import BadTemplateError, Fault, rendered

MAIL_BYTES = 100_000
"""Some mail programs cut off what is longer."""
MANY_PIECES = 3
_DAY = date(2026, 11, 23)
_FORMS = {"mail.html": "mail", "mail.txt": "mail", "bot.md": "md", "text.txt": "text"}
_SIGNS = frozenset("\\`*_{}[]()#+!|<>~@")
_HOSTILE = (
    "<script>alert(1)</script>\"' onclick=x style=y <img src=z> {{ 7*7 }} [点](http://evil.example) "
    "@all <@all> <at id=all></at> **急** # ` \r\nBcc: x\u202e\u200b\ud800"
)
_ACTIVE = frozenset(
    {"script", "iframe", "object", "embed", "form", "input", "button", "link", "base", "svg"}
    | {"video", "audio", "img", "picture", "source", "frame", "applet"}
)
PAPERS_FOLDER = "papers"


# ---- samples -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """A message that templates are tried on, and its twin whose texts want to do harm."""

    name: str
    bundle: Bundle
    copy: bool = False

    @property
    def twin(self) -> Bundle:
        """The same message with hostile texts everywhere that somebody else writes."""
        lines = tuple(
            replace(
                line,
                title=_HOSTILE,
                label=_HOSTILE,
                phrase=_HOSTILE,
                reason=_HOSTILE,
                unit_name=_HOSTILE if line.unit_name else "",
            )
            for line in self.bundle.lines
        )
        return replace(
            self.bundle,
            lines=lines,
            person=_HOSTILE,
            unit_name=_HOSTILE,
            note=_HOSTILE if self.bundle.note else "",
        )


def _line(number: int, days: int | None, kind: str, *, urgent: bool = False) -> Line:
    due = None if days is None else _DAY + timedelta(days=days)
    late = days is not None and days < 0
    return Line(
        obligation=f"M-{number:02}/unit/report:2026Q4",
        task=f"M-{number:02}",
        title=f"建立知识产权协同保护机制之{number}",
        label="2026年四季度",
        phrase="每季度最后一个月25日前",
        due_on=due,
        due_text=f"{due.year}年{due.month}月{due.day}日" if due else "未起算",
        status_text=f"逾期{-(days or 0)}天" if late else "还剩5个工作日",
        lamp="红灯" if late else "绿灯",
        url=f"http://127.0.0.1:8420/u/{PLACEHOLDER}",
        kind=kind,
        reason="逾期满3个工作日" if late else "临近时限",
        urgent=urgent,
        unit_name="市公安局" if number % 2 else "",
    )


def samples(office: str, contact: str) -> Iterator[Sample]:
    """Messages of every kind: overdue, today, this week, later, no date; urgent, returned, handed over …"""
    base = Bundle(
        person="联络员（待填）",
        unit_name="市市场监管局",
        unit="unit",
        post="liaison",
        day=_DAY,
        lines=(_line(1, 0, "remind"),),
        office=office,
        contact=contact,
        link=f"http://127.0.0.1:8420/u/{PLACEHOLDER}",
        example=False,
        urgent=False,
    )
    yield Sample("一件今天到期", base)
    for kind in KINDS:
        yield Sample(f"一件{kind}", replace(base, lines=(_line(2, -3, kind),)))
    days = (-30, -1, 0, 3, 6, 40, None, 9)
    whole = tuple(_line(n, on, KINDS[n % len(KINDS)]) for n, on in enumerate(days, 1))
    yield Sample("各种时限八件", replace(base, lines=whole))
    yield Sample("加急", replace(base, urgent=True, lines=(_line(3, 1, "urge", urgent=True),)))
    note = "联络员空缺，改发科室负责人。"
    yield Sample("换人改发", replace(base, note=note, post="section", lines=whole[:3]))
    yield Sample("示例数据", replace(base, example=True))
    yield Sample("没有链接", replace(base, link="", lines=(replace(base.lines[0], url=""),)))
    bare = tuple(replace(line, url="") for line in whole[:2])
    yield Sample("抄送到群", replace(base, link="", lines=bare), copy=True)


# ---- the check ---------------------------------------------------------------------------------


def templates_in(config: Path) -> Templates:
    """The office's templates, those that fail the proof marked so that the built-in ones speak.

    Compiled and proven once per process, and again only when a file changed.
    """
    found = present(config)
    return _proven(found) if found else SHIPPED


@lru_cache(maxsize=16)
def _proven(found: tuple[tuple[Path, Stamp], ...]) -> Templates:
    return Templates({path.name: _judged(read_override(path)) for path, _ in found})


def _judged(override: Override) -> Override:
    faults = tuple(faults_of(override, ()))
    return replace(override, template=None, faults=faults) if faults else override


def check_templates(home: Home, channels: Channels, issues: Issues) -> None:
    """Try every template of the office on every sample; mistakes go to ``issues``."""
    folder = home.config / FOLDER
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name == PAPERS_FOLDER:
            continue  # Word templates of papers, judged by those who write papers
        if path.name not in NAMES and not path.name.startswith(".") and path.suffix != ".bak":
            issues.error(
                "template-name",
                Place(home.shown(path)),
                f"没有叫“{path.name}”的模板，它不会起作用。",
                f"可用的名称：{'、'.join(MEDIA)}，前面可加 day- 或 urgent-。",
            )
    for path, _ in present(home.config):
        place = home.shown(path)
        for fault in faults_of(read_override(path), channels.by_id.values()):
            level = issues.warning if fault.code == "template-pieces" else issues.error
            level(fault.code, Place(place, fault.line), fault.message, fault.way_out)


def faults_of(override: Override, channels: Iterable[Channel]) -> list[Fault]:
    """Everything wrong with one template, each thing once, on the first sample that shows it."""
    found: dict[tuple[str, int | None, str], Fault] = {}
    for fault in _faults(override, tuple(channels)):
        found.setdefault((fault.code, fault.line, fault.message.partition("（样例")[0]), fault)
    return sorted(found.values(), key=lambda fault: fault.line or 0)


def _faults(override: Override, channels: Collection[Channel]) -> Iterator[Fault]:
    if override.template is None:
        yield from override.faults
        return
    medium = medium_of(override.name)
    for sample in _meant(override.name, samples("督查办公室", "司文科 62696021")):
        try:
            text = rendered(override.template, context_of(sample.bundle, copy=sample.copy))
            harm = rendered(override.template, context_of(sample.twin, copy=sample.copy))
        except BadTemplateError as problem:
            yield from problem.faults
            return
        yield from _missing(medium, sample, text)
        yield from _unsafe(medium, text, harm)
        yield from _too_long(medium, sample, text, channels)


def _meant(name: str, found: Iterable[Sample]) -> Iterator[Sample]:
    """The samples that a template would be used for."""
    for sample in found:
        kind = "urgent" if sample.bundle.urgent else "day"
        if name in MEDIA or name.startswith(f"{kind}-"):
            yield sample


def _missing(medium: str, sample: Sample, text: str) -> Iterator[Fault]:
    """Parts that a notice must have, whatever it looks like."""
    neutral = chat if MEDIA[medium] == "md" else said
    page = Page(text) if medium == "mail.html" else None
    shown = page.text if page else text
    links = page.links if page else [text]
    bundle = sample.bundle
    wanted = {
        "单位名称（reader、subject 或 b.unit_name）": neutral(bundle.unit_name),
        "办公室联系方式（b.contact）": neutral(Own(bundle.contact)),
        "每件事的名称（line.title）": [neutral(line.title) for line in bundle.lines],
        "每件事的时限（line.due_text）": [neutral(line.due_text) for line in bundle.lines],
        "“示例数据”标记（example_mark）": EXAMPLE_MARK if bundle.example else "",
    }
    for what, values in wanted.items():
        each = [values] if isinstance(values, str) else values
        if not all(value in shown for value in each):
            yield _lacks(what, sample)
    if bundle.link and not any(href(bundle.link) in link for link in links):
        yield _lacks("填报链接（b.link|href）", sample)


def _lacks(what: str, sample: Sample) -> Fault:
    return Fault(
        "template-lacks",
        None,
        f"写出的正文里没有{what}（样例：{sample.name}）。",
        "补上这个字段；它不能省，收信人靠它知道谁、何时、办什么、问谁。",
    )


def _unsafe(medium: str, text: str, harm: str) -> Iterator[Fault]:
    """Whether a unit's words become markup: then the page's bones differ from those of the harmless twin."""
    if medium == "mail.html":
        page, twin = Page(text), Page(harm)
        if page.bones != twin.bones or any(not _outward(link) for link in twin.links):
            yield Fault(
                "template-unsafe",
                None,
                "单位填写的文字会变成网页标记、属性或链接。",
                "属性值加双引号；链接只写 {{ …|href }}。",
            )
        bad = sorted(page.active)
        if bad:
            yield Fault(
                "template-unsafe",
                None,
                f"邮件里不能有 {'、'.join(bad)}：邮箱会拦下，也不许连外网取东西。",
                "删去它们；图片、脚本、表单都不要。",
            )
    elif MEDIA[medium] == "md" and _signs(text) != _signs(harm):
        yield Fault(
            "template-unsafe",
            None,
            "单位填写的文字会变成 Markdown 标记或提醒所有人。",
            "照内置模板写，不要把文字放进链接或代码里。",
        )


def _outward(link: str) -> bool:
    return link.startswith(("http://", "https://", "mailto:", "tel:", "#"))


def _signs(text: str) -> Counter[str]:
    return Counter(char for char in text if char in _SIGNS)


def _too_long(
    medium: str, sample: Sample, text: str, channels: Iterable[Channel]
) -> Iterator[Fault]:
    size = len(text.encode())
    if medium == "mail.html" and size > MAIL_BYTES:
        told = f"超过 {MAIL_BYTES} 字节的会被一些邮箱截断（样例：{sample.name}，{size} 字节）。"
        yield Fault("template-long", None, told, "精简样式。")
    for channel in channels:
        if channel.form != _FORMS[medium] or not channel.limit_bytes:
            continue
        limit = channel.limit_bytes
        if len(sample.bundle.lines) == 1 and size > limit:
            told = f"只有一件事也超过渠道“{channel.name}”一条的上限 {limit} 字节（样例：{sample.name}，{size} 字节）。"
            yield Fault("template-long", None, told, "缩短固定的文字。")
        elif size > limit * MANY_PIECES:
            pieces = -(-size // limit)
            told = f"在渠道“{channel.name}”要拆成几条发（样例：{sample.name}，{pieces}条）。"
            yield Fault("template-pieces", None, told, "缩短每件事的写法。")


class Page(HTMLParser):
    """What a page is made of: its tags with the names of their attributes, its links, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.bones: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.active: set[str] = set()
        self._words: list[str] = []
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        """The words that are seen."""
        return "".join(self._words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, where it leads and what it would do."""
        self.bones.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value or "" for name, value in attrs if name == "href"]
        refresh = any(name == "http-equiv" for name, _ in attrs)
        if tag in _ACTIVE or (tag == "meta" and refresh):
            self.active.add(f"<{tag}>")
        self.active.update(
            name for name, _ in attrs if name.startswith("on") or name in {"src", "background"}
        )

    def handle_data(self, data: str) -> None:
        """Note words."""
        self._words.append(data)
