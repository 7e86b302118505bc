"""The short form of a report in the text of a mail: lines that begin with a label, or 无变化. Pure.

Anything else in a mail is talk and never taken for a report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LABELS: Mapping[str, str] = {
    "进展": "progress",
    "本期进展": "progress",
    "问题": "problem",
    "存在问题": "problem",
    "下一步": "next_step",
    "下一步打算": "next_step",
    "进度": "percent",
    "累计进度": "percent",
    "审签": "signed_by",
}
_LINE = re.compile(rf"({'|'.join(sorted(_LABELS, key=len, reverse=True))})\s*[：:](.*)")
_NIL = frozenset({"无变化", "无变化。", "零报告", "零报告。"})
_QUOTED = re.compile(
    r">|-{2,}\s*(?:原始邮件|Original Message|回复的原邮件|转发)|"
    r"(?:发件人|From|发送时间)\s*[：:]|On .{5,200} wrote:|在.{4,80}写道[：:]|-- ?$|_{10,}",
    re.IGNORECASE,
)


def read_short(text: str) -> dict[str, str] | None:
    """The fields of a report, or None when the text holds none. A label twice is taken once, the first."""
    lines = list(_own_lines(text))
    said = [line for line in lines if line]
    if len(said) >= 1 and said[0] in _NIL:
        return {"nil": "1"}
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        found = _LINE.match(line)
        if found is not None:
            name = _LABELS[found[1]]
            name = "" if name in fields else name
            if name:
                fields[name] = found[2].strip()
        elif not line:
            name = ""  # an empty line ends a part: greetings and signatures follow
        elif name in {"progress", "problem", "next_step"}:
            fields[name] = f"{fields[name]}\n{line}".strip()
    return fields if "progress" in fields else None


def _own_lines(text: str) -> Iterator[str]:
    """Lines before what is quoted."""
    for raw in text.splitlines():
        line = raw.strip()
        if _QUOTED.match(line):
            return
        yield line
