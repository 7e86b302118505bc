"""The keys of ranking and grades in a rule sheet."""

from __future__ import annotations

from duban.matrix.schema_keys import Key, Kind, Table

MODES = (("half_up", "四舍五入"), ("down", "舍去尾数"), ("up", "有尾数就进一"))

RANKING = Table(
    "ranking",
    "排名 ranking",
    (
        Key(
            "by",
            Kind.CHOICE,
            "怎样排",
            "",
            "group",
            required=True,
            words=(("group", "各组分开"), ("all", "合在一起")),
        ),
        Key(
            "ties",
            Kind.CHOICE,
            "同分怎样排",
            "",
            "1-1-3",
            required=True,
            words=(("1-1-3", "并列，下一名次空出"),),
        ),
        Key(
            "compare",
            Kind.CHOICE,
            "比哪个分",
            "",
            "shown",
            required=True,
            words=(("shown", "显示的总分"), ("exact", "取整前的总分")),
        ),
        Key(
            "tie_break",
            Kind.TEXTS,
            "同分时依次比哪几类的得分",
            "类别编号；不写就并列",
            ("patents",),
        ),
    ),
)
GRADES = Table(
    "grades",
    "等次 grades",
    (
        Key("basis", Kind.TEXT, "依据", "", "细则第六条", required=True),
        Key("levels", Kind.ROWS, "各等次", "从高到低，最后一等不带条件", of="level", required=True),
    ),
)
LEVEL = Table(
    "level",
    "各等次 grades.levels",
    (
        Key("name", Kind.TEXT, "等次名称", "", "合格", required=True),
        Key("from", Kind.POINTS, "分数线", "以上含本数"),
        Key("exclusive", Kind.FLAG, "不含本数", "", "否"),
        Key("ratio", Kind.AMOUNT, "名额占本组参评单位的比例", "如 30%"),
        Key("round", Kind.CHOICE, "名额怎样取整", "写了 ratio 就必须写", words=MODES),
        Key(
            "edge",
            Kind.CHOICE,
            "最后名额遇并列",
            "写了 ratio 就必须写",
            words=(("in", "都列入"), ("out", "都不列入")),
        ),
    ),
)

GRADING = (RANKING, GRADES, LEVEL)
