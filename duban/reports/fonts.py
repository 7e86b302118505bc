"""Which fonts the PDF is set in: those that the standard names, else the nearest that the machine has.

方正小标宋, 仿宋_GB2312 and 楷体_GB2312 are sold with licences and on no Linux by themselves: an office puts its
own into the folder named by ``fonts_dir`` in ``config/papers.yaml``. The Word draft always names the real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from duban.errors import OutsideError

WANTED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "xiaobiao": (
        "小标宋",
        ("方正小标宋简体", "FZXiaoBiaoSong-B05S", "方正小标宋_GBK", "FZXiaoBiaoSong-B05"),
    ),
    "fang": (
        "仿宋",
        ("仿宋_GB2312", "FangSong_GB2312", "仿宋", "FangSong", "STFangsong", "FandolFang"),
    ),
    "kai": ("楷体", ("楷体_GB2312", "KaiTi_GB2312", "楷体", "KaiTi", "STKaiti", "FandolKai")),
    "hei": ("黑体", ("黑体", "SimHei", "STHeiti", "FandolHei")),
    "song": ("宋体", ("宋体", "SimSun", "STSong", "FandolSong")),
}
"""By role: how it is called, and families that are it, best first."""
_SERIF = ("Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC", "AR PL UMing CN")
_SANS = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "Droid Sans Fallback",
)  # fmt: skip
_NEAREST = {"hei": _SANS + _SERIF}
_LATIN = ("Times New Roman", "Liberation Serif", "Libertinus Serif")
WAY_OUT = (
    "装一种中文字体（Debian：apt-get install fonts-noto-cjk），"
    "或把单位有授权的字体文件放进 config/papers.yaml 的 fonts_dir 所指的文件夹。"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Families by role, best first. ``stand_ins``: role name to the family that takes its place.

    ``heavy``: the title stands in a plain 宋体 and is drawn bold, as 小标宋 is.
    """

    faces: Mapping[str, tuple[str, ...]]
    latin: str
    stand_ins: Mapping[str, str]
    heavy: bool


def choose(families: frozenset[str]) -> Chosen | None:
    """The fonts for a paper among those there are; None when none of them is Chinese."""
    faces: dict[str, tuple[str, ...]] = {}
    stand_ins: dict[str, str] = {}
    for role, (name, real) in WANTED.items():
        found = [each for each in real if each in families]
        near = [each for each in _NEAREST.get(role, _SERIF + _SANS) if each in families]
        if not found and not near:
            return None
        if not found:
            stand_ins[name] = near[0]
        faces[role] = tuple(found + near)
    latin = next((each for each in _LATIN if each in families), faces["fang"][0])
    return Chosen(faces, latin, stand_ins, heavy="小标宋" in stand_ins)


def chosen(fonts_dir: Path | None) -> Chosen:
    """The fonts of this machine. Raises OutsideError when none is Chinese."""
    found = choose(families(fonts_dir))
    if found is None:
        raise OutsideError("本机没有中文字体，PDF 排不出来（Word 版不受影响）。", WAY_OUT)
    return found


def told(fonts_dir: Path | None) -> tuple[str, str]:
    """For the doctor: which fonts are used, and the problem if there is one."""
    found = choose(families(fonts_dir))
    if found is None:
        return "没有中文字体", f"本机没有中文字体，PDF 排不出来。 办法：{WAY_OUT}"
    if not found.stand_ins:
        return "公文字体齐全", ""
    names = "、".join(f"{name}以{other}代" for name, other in found.stand_ins.items())
    return f"{names}（Word 版仍写公文字体）", ""


@lru_cache(maxsize=4)
def all_fonts(fonts_dir: Path | None) -> Any:
    """Every font that typst finds: the office's own, the system's, and those it brings."""
    import typst

    own = [fonts_dir] if fonts_dir is not None and fonts_dir.is_dir() else []
    return typst.Fonts(font_paths=own)


@lru_cache(maxsize=4)
def families(fonts_dir: Path | None) -> frozenset[str]:
    """The names of all families that can be used."""
    return frozenset(all_fonts(fonts_dir).families())
