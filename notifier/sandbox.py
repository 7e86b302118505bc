"""The small language of message templates: output, conditions and loops over what is given – nothing else.

A template is a file of the office, so it may be wrong but must never do harm: nothing in it can run long,
grow large, reach Python, or let a unit's text become markup. That is decided by reading it, before
anything is run: there are no calls, no multiplication, no assignment, loops go over sections and lines
alone, and every value is neutralised on its way out whether the author thought of it or not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import TracebackType
from typing import Any

from jinja2 import (
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    UndefinedError,
    nodes,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier import neutral

MAX_SOURCE_BYTES = 64 * 1024
MAX_OUTPUT_BYTES = 512 * 1024
MAX_NESTED = 2  # sections, and the lines of each
MAX_LOOPS = 20
MAX_DEPTH = 40
CUT_CHARS = 80

_STATEMENTS = (nodes.Output, nodes.TemplateData, nodes.If, nodes.For)
_EXPRESSIONS = (
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.CondExpr,
    nodes.Add,
    nodes.Sub,
    nodes.Neg,
    nodes.Tuple,
    nodes.List,
)
_LISTS = frozenset({"sections", "lines"})
_TESTS = frozenset({"defined", "undefined", "none", "odd", "even"})
_LOOP = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0"}
)
_CHINESE = {
    "Call": "调用函数",
    "Mul": "乘法",
    "Pow": "乘方",
    "Mod": "取余或格式化",
    "Div": "除法",
    "FloorDiv": "整除",
    "Assign": "set 赋值",
    "AssignBlock": "set 块",
    "Macro": "宏",
    "CallBlock": "call 块",
    "Include": "include",
    "Import": "import",
    "FromImport": "import",
    "Extends": "extends",
    "Block": "block",
    "With": "with",
    "FilterBlock": "filter 块",
    "ScopedEvalContextModifier": "autoescape 开关",
    "Scope": "autoescape 开关",
    "Dict": "字典",
    "Slice": "切片",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a template: its line, what, and the way out."""

    code: str
    line: int | None
    message: str
    way_out: str


class BadTemplateError(Exception):
    """A template that cannot be used, with everything found wrong."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("；".join(fault.message for fault in faults))
        self.faults = faults


def cut(value: object, number: int = CUT_CHARS) -> str:
    """A value of at most so many characters, with … when something is missing."""
    text = neutral.plain(value)
    return text if len(text) <= max(number, 1) else text[: max(number, 1) - 1] + "…"


def _environment(medium: str) -> ImmutableSandboxedEnvironment:
    """The environment of a medium: html, txt or md. Values are neutralised whatever the author wrote."""
    out: Callable[[object], str] = neutral.chat if medium == "md" else neutral.said
    env = ImmutableSandboxedEnvironment(
        autoescape=medium == "html",
        finalize=lambda value: value if isinstance(value, int | StrictUndefined) else out(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.globals.clear()
    length = env.filters["length"]
    env.filters.clear()
    env.filters.update(
        plain=out,
        md=neutral.md,
        href=neutral.href,
        day_text=neutral.day_text,
        lamp_colour=neutral.lamp_colour,
        lamp_text=neutral.lamp_text,
        length=length,
        cut=cut,
    )
    return env


ENVIRONMENTS: Mapping[str, ImmutableSandboxedEnvironment] = {
    medium: _environment(medium) for medium in ("html", "txt", "md")
}
FILTERS = tuple(sorted(ENVIRONMENTS["txt"].filters))


def compiled(source: str, medium: str, names: Collection[str], fields: Collection[str]) -> Template:
    """A template ready to be rendered. Raises BadTemplateError with all that is wrong in it.

    ``names``: what a template is given; ``fields``: what may stand behind a dot.
    """
    if len(source.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        told = f"模板超过 {MAX_SOURCE_BYTES // 1024} KB。"
        raise BadTemplateError(Fault("template-size", None, told, "模板只写格式，用不了这么长。"))
    env = ENVIRONMENTS[medium]
    try:
        tree = env.parse(source)
    except TemplateSyntaxError as problem:
        raise BadTemplateError(_syntax(problem)) from None
    except RecursionError:
        raise BadTemplateError(_TOO_DEEP) from None
    faults = tuple(_faults(tree, set(names), set(fields)))
    if faults:
        raise BadTemplateError(*faults)
    return env.from_string(tree)


_TOO_DEEP = Fault("template-refused", None, "括号或判断套得太深。", "拆开来写。")
_SYNTAX = (
    ("unexpected end of template", "缺少结束标记，如 {% endif %}、{% endfor %} 或 }}"),
    ("Unexpected end of template", "缺少结束标记，如 {% endif %}、{% endfor %} 或 }}"),
    ("Encountered unknown tag", "不认识的标记；只能用 if、for"),
    ("unexpected '}'", "花括号不配对"),
    ("No filter named", "不认识的过滤器；可用：" + "、".join(FILTERS)),
    ("unexpected char", "有不能出现的字符，常见为全角引号或括号"),
    ("expected token", "花括号里的写法不全"),
)


def _syntax(problem: TemplateSyntaxError) -> Fault:
    said = problem.message or ""
    why = next((chinese for english, chinese in _SYNTAX if english in said), said)
    return Fault(
        "template-syntax",
        problem.lineno,
        f"模板写法有误（{why}）。",
        "照内置模板改；duban templates copy 可重新取一份。",
    )


def _faults(tree: nodes.Template, names: set[str], fields: set[str]) -> Iterator[Fault]:
    """Everything a template uses that it may not, found by reading it."""
    names |= {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"} | {"loop"}
    loops = 0
    waiting: list[tuple[nodes.Node, int, int]] = [(node, 0, 1) for node in tree.body]
    while waiting:
        node, nested, depth = waiting.pop(0)
        is_loop = isinstance(node, nodes.For)
        nested, loops = nested + is_loop, loops + is_loop
        fault = _fault(node, names, fields | _LOOP)
        if nested > MAX_NESTED or loops > MAX_LOOPS or depth > MAX_DEPTH:
            fault = Fault("template-refused", node.lineno, "循环太多，或套得太深。", "拆开来写。")
        if fault is None:
            waiting += [(child, nested, depth + 1) for child in node.iter_child_nodes()]
        else:
            yield fault


def _fault(node: nodes.Node, names: set[str], known: set[str]) -> Fault | None:
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in names:
        return _unknown(node.lineno, node.name, names)
    if isinstance(node, nodes.Getattr) and node.attr not in known:
        return _unknown(node.lineno, node.attr, known)
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return _refused(node.lineno, f"过滤器 {node.name}", f"可用：{'、'.join(FILTERS)}。")
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        return _refused(node.lineno, f"判断 is {node.name}", "改用 ==、in 或直接写字段名。")
    if isinstance(node, nodes.For) and (node.recursive or not _is_list(node.iter)):
        return _refused(node.lineno, "这样的循环", "只能循环 sections、section.lines 或 b.lines。")
    if isinstance(node, _STATEMENTS + _EXPRESSIONS):
        return None
    kind = type(node).__name__
    return _refused(
        _line(node), _CHINESE.get(kind, kind), "模板里只能写字段、if 判断、for 循环和列出的过滤器。"
    )


def _line(node: nodes.Node) -> int | None:
    """The line of a node; some have it only on what stands in them."""
    lines = (each.lineno for each in (node, *node.find_all(nodes.Node)) if each.lineno)
    return next(lines, None)


def _is_list(node: nodes.Node) -> bool:
    """Whether a loop goes over sections or lines: over text it could run for hours."""
    return (isinstance(node, nodes.Name) and node.name in _LISTS) or (
        isinstance(node, nodes.Getattr) and node.attr in _LISTS
    )


def _refused(line: int | None, what: str, way_out: str) -> Fault:
    return Fault("template-refused", line, f"模板里不能用{what}。", way_out)


def _unknown(line: int | None, name: str, known: set[str]) -> Fault:
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    hint = f"是不是“{near[0]}”？" if near else "可用的字段见 docs/templates.md。"
    return Fault("template-field", line, f"没有“{name}”这个字段。", hint)


def rendered(template: Template, context: Mapping[str, Any], *, bounded: bool = True) -> str:
    """What a template says. Raises BadTemplateError when it fails or says too much."""
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate(context):
            pieces.append(piece)
            size += len(piece.encode("utf-8", "replace"))
            if bounded and size > MAX_OUTPUT_BYTES:
                told = f"模板写出的正文超过 {MAX_OUTPUT_BYTES // 1024} KB。"
                raise BadTemplateError(Fault("template-long", None, told, "去掉重复的循环。"))
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as problem:
        line = _line_of(problem.__traceback__, template.filename or "<template>")
        told = f"模板套用时出错（{_why(problem)}）。"
        raise BadTemplateError(
            Fault("template-field", line, told, "照内置模板改；可用的字段见 docs/templates.md。")
        ) from problem
    return "".join(pieces)


def _why(problem: Exception) -> str:
    return "这里取不到这个字段" if isinstance(problem, UndefinedError) else "值的种类不对"


def _line_of(trace: TracebackType | None, file: str) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
