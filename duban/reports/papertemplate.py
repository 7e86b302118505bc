"""The office's own Word templates: ``config/templates/papers/督办.docx`` and so on, filled by docxtpl.

A template is a file of the office, edited in Word or WPS: it may be wrong but must not do harm. It is run in a
sandbox, unknown fields are refused with file and field, pictures and red are refused, and the mark that it is
a draft is put on every page whatever the template says.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docx.oxml.ns import qn
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from duban.errors import InputError, Issue, Issues, Level, Place
from duban.paperrules import NAMES
from duban.reports.officepaper import Facts, Item, Line
from duban.reports.paper import DRAFT_MARK, Paper, without_times
from duban.settings import EXAMPLE_MARK, Home

FOLDER = Path("templates") / "papers"
MAX_BYTES, MAX_UNPACKED = 2 * 1024 * 1024, 20 * 1024 * 1024
_RESAVE = "用 Word 或 WPS 打开，另存为 .docx，再 duban check。"
_FIELDS = "可用的字段见 docs/papers.md；从 duban paper template 文种 取一份内置的来改。"
_RED = frozenset({"FF0000", "C00000", "E60012", "EE0000", "D90000"})
_PICTURES = ("w:drawing", "w:pict", "w:object")


class _BadTemplateError(Exception):
    def __init__(self, code: str, message: str, way_out: str = _FIELDS) -> None:
        super().__init__(message)
        self.code, self.way_out = code, way_out


def override(home: Home, kind: str) -> Path | None:
    """The office's own template of a kind, if there is one."""
    path = home.config / FOLDER / f"{kind}.docx"
    return path if path.is_file() else None


def context(facts: Facts) -> dict[str, Any]:
    """What a template may use, by its Chinese names."""
    return {
        "文种": facts.name,
        "编号": facts.number,
        "标题": "".join(facts.title),
        "单位": facts.to,
        "方案": facts.plan,
        "落款": facts.issuer,
        "印发": facts.printer,
        "日期": facts.day,
        "回复期限": facts.reply_by,
        "联系": facts.contact,
        "抄送": facts.copies,
        "依据": facts.reason,
        "期间": facts.period,
        "总分": facts.total,
        "项数": len(facts.items),
        "事项": [_item(number, each) for number, each in enumerate(facts.items, 1)],
        "条款": [_line(number, each) for number, each in enumerate(facts.lines, 1)],
    }


def _item(number: int, item: Item) -> dict[str, Any]:
    return {
        "序号": number,
        "编号": item.task,
        "事项": item.title,
        "期次": item.label,
        "时限": item.due,
        "情况": item.how,
        "说明": item.said or "单位未说明原因",
    }


def _line(number: int, line: Line) -> dict[str, Any]:
    return {"序号": number, "条款": line.clause, "事实": line.fact, "得分": line.points}


def rendered(path: Path, facts: Facts, created: datetime) -> bytes:
    """The paper by the office's template. Raises InputError with the file and what is wrong."""
    try:
        return _rendered(path, facts, created)
    except _BadTemplateError as problem:
        place = Place(f"config/{FOLDER.as_posix()}/{path.name}")
        raise InputError(
            [Issue(Level.ERROR, problem.code, place, str(problem), problem.way_out)]
        ) from problem


def check_paper_templates(home: Home, issues: Issues) -> None:
    """Render each of the office's templates on sample facts; mistakes go to ``issues``."""
    folder = home.config / FOLDER
    for path in sorted(folder.glob("*.docx")) if folder.is_dir() else ():
        if path.name.startswith("~$"):
            continue  # what Word leaves beside an open file
        place = Place(home.shown(path))
        if path.stem not in NAMES:
            names = "、".join(f"{kind}.docx（{name}）" for kind, name in NAMES.items())
            issues.error(
                "paper-template-name", place, f"没有“{path.stem}”这个文种。", f"可用：{names}。"
            )
            continue
        try:
            _rendered(path, sample(path.stem), datetime(2026, 1, 5, tzinfo=UTC))
        except _BadTemplateError as problem:
            issues.error(problem.code, place, str(problem), problem.way_out)


def sample(kind: str) -> Facts:
    """Facts to try a template on."""
    return Facts(
        kind=kind, number="代字〔2026〕1号", to="某某单位", plan="工作方案", issuer="落款机关",
        printer="办公室", day="2026年1月5日", reply_by="2026年1月12日", contact="司文科",
        copies="抄送机关", example=False, items=(Item("T-1", "任务", "1月报送", "2026年1月4日", "逾期1天"),),
        lines=(Line("第一条", "事实", "-0.2"),), total="99.8", period="2026年", reason="逾期",
    )  # fmt: skip


# ---- rendering ---------------------------------------------------------------------------------


def _rendered(path: Path, facts: Facts, created: datetime) -> bytes:
    template = _opened(path)
    room = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    known = context(facts)
    try:
        unknown = sorted(template.get_undeclared_template_variables(room) - set(known))
        if unknown:
            raise _BadTemplateError("paper-template-field", f"没有“{'、'.join(unknown)}”这个字段。")
        template.render(known, room, autoescape=True)
    except UndefinedError as problem:
        named = re.search(r"attribute '(.+?)'|'(.+?)' is undefined", str(problem))
        field = (named[1] or named[2]) if named else str(problem)
        raise _BadTemplateError("paper-template-field", f"没有“{field}”这个字段。") from problem
    except TemplateError as problem:
        said = f"模板写法不对（{problem}）。"
        raise _BadTemplateError("paper-template-field", said) from problem
    doc = template.docx
    _refuse_seal(doc)
    _mark(doc, facts)
    about = doc.core_properties
    about.author = about.last_modified_by = facts.printer
    about.title, about.revision = facts.name, 1
    about.created = about.modified = created.astimezone(UTC).replace(tzinfo=None)
    raw = io.BytesIO()
    doc.save(raw)
    return without_times(raw.getvalue())


def _opened(path: Path) -> DocxTemplate:
    """The template, if it is a Word file of a sane size without macros."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(each.file_size for each in archive.infolist())
            macro = any("vbaProject" in name for name in archive.namelist())
        if path.stat().st_size > MAX_BYTES or size > MAX_UNPACKED or macro:
            raise _BadTemplateError("paper-template", "模板太大或带有宏。", _RESAVE)
        template = DocxTemplate(path)
        template.init_docx()
    except (zipfile.BadZipFile, KeyError, ValueError) as problem:
        raise _BadTemplateError("paper-template", "打不开，不是 .docx 文件。", _RESAVE) from problem
    return template


def _parts(doc: Any) -> Iterator[Any]:
    yield doc.element
    for section in doc.sections:
        for each in (
            section.header, section.even_page_header, section.first_page_header,
            section.footer, section.even_page_footer, section.first_page_footer,
        ):  # fmt: skip
            yield each._element


def _refuse_seal(doc: Any) -> None:
    """A draft has no red head and no seal."""
    for part in _parts(doc):
        pictures = [each for name in _PICTURES for each in part.iter(qn(name))]
        red = [c for c in part.iter(qn("w:color")) if (c.get(qn("w:val")) or "").upper() in _RED]
        if pictures or red:
            what = "图片（印章、红头）" if pictures else "红色的字"
            raise _BadTemplateError(
                "paper-template-seal",
                f"草稿模板里有{what}：系统只出草稿，红头和印章在正式印发时加。",
                "去掉图片和红字，再 duban check。",
            )


def _mark(doc: Any, facts: Facts) -> None:
    """The mark of a draft in every header that lacks it."""
    mark = DRAFT_MARK + (f"　　{EXAMPLE_MARK}，不得据此办理" if facts.example else "")
    even = doc.settings.odd_and_even_pages_header_footer
    for section in doc.sections:
        headers = [section.header] + ([section.even_page_header] if even else [])
        if section.different_first_page_header_footer:
            headers.append(section.first_page_header)
        for header in headers:
            header.is_linked_to_previous = False
            if mark not in "".join(paragraph.text for paragraph in header.paragraphs):
                header.paragraphs[0].insert_paragraph_before(mark)


# ---- a template to begin with ------------------------------------------------------------------


def starter(kind: str, created: datetime) -> bytes:
    """A template in the standard's layout that says what the built-in paper says, for the office to change."""
    paper = Paper(
        NAMES[kind], author="", created=created, example=False, landscape=kind == "ledger"
    )
    paper.number("{{ 编号 }}")
    paper.title("{{ 标题 }}")
    paper.addressee("{{ 单位 }}：")
    paper.body("按照《{{ 方案 }}》任务分工，截至{{ 日期 }}，贵单位有{{ 项数 }}项任务需要办理：")
    if kind == "scores":
        paper.body("{%p for 行 in 条款 %}")
        paper.body("{{ 行.序号 }}.{{ 行.条款 }}：{{ 行.事实 }}，{{ 行.得分 }}分。")
    else:
        paper.body("{%p for 行 in 事项 %}")
        paper.body(
            "{{ 行.序号 }}.{{ 行.编号 }}《{{ 行.事项 }}》（{{ 行.期次 }}），时限{{ 行.时限 }}，{{ 行.情况 }}。"
        )
    paper.body("{%p endfor %}")
    paper.body("请于{{ 回复期限 }}前报送进展。")
    paper.sign("{{ 落款 }}", "{{ 日期 }}")
    paper.contact("联系人及电话：{{ 联系 }}")
    return paper.to_bytes()
