"""The keys of a rule sheet (考核细则). Which of them a kind of rule takes is told in docs/assessment.md."""

from __future__ import annotations

from duban.matrix.schema_grades import GRADING, MODES
from duban.matrix.schema_keys import Free, Key, Kind, Table

_NO_LIMIT = "没有限度写 `无`"
_TABLE_KEYS = (
    ("level", "级别"),
    ("matter", "事项"),
    ("title", "题名"),
    ("task", "任务"),
    ("role", "角色"),
    ("counted_in", "计量单位"),
)

SHEET = Table(
    "assessment",
    "考核细则 assessment/*.yaml",
    (
        Key("id", Kind.TEXT, "细则编号", "不重复", "demo-2024", required=True),
        Key("title", Kind.TEXT, "细则名称", "", "专利任务考核细则", required=True),
        Key("basis", Kind.TEXT, "整份细则的依据", "", "工作方案保障措施三", required=True),
        Key("example", Kind.FLAG, "是否示例", "示例细则算出的分处处标明", "是"),
        Key("valid", Kind.ROW, "施行日期", "", of="valid", required=True),
        Key("base", Kind.POINTS, "基础分", "", "100", required=True),
        Key("total", Kind.ROW, "总分的限度", "", of="total", required=True),
        Key("categories", Kind.ROWS, "考核类别", "", of="category", required=True),
        Key("rules", Kind.ROWS, "条款", "", of="rule", required=True),
        Key("exemptions", Kind.ROW, "免予计分", "不写就一条也不能免", of="exemptions"),
        Key("ranking", Kind.ROW, "怎样排名", "不写就不排名", of="ranking"),
        Key("grades", Kind.ROW, "等次", "", of="grades"),
    ),
)
VALID = Table(
    "valid",
    "施行日期 valid",
    (
        Key("from", Kind.DAY, "从哪天起", "", "2024-01-01", required=True),
        Key("to", Kind.DAY, "到哪天止", "空着：直到下一份细则施行", "2024-12-31"),
    ),
)
TOTAL = Table(
    "total",
    "总分 total",
    (
        Key("cap", Kind.LIMIT, "最高分", _NO_LIMIT, "105", required=True),
        Key("floor", Kind.LIMIT, "最低分", _NO_LIMIT, "0", required=True),
        Key("digits", Kind.INTEGER, "显示几位小数", "0 至 3", "2", required=True, least=0),
    ),
)
CATEGORY = Table(
    "category",
    "类别 categories",
    (
        Key("id", Kind.TEXT, "编号", "条款里用它指明", "patents", required=True),
        Key("name", Kind.TEXT, "名称", "", "专利任务", required=True),
        Key("base", Kind.POINTS, "本类基础分", "可不写", "0"),
        Key("cap", Kind.LIMIT, "本类最多得几分", _NO_LIMIT, "100", required=True),
        Key("floor", Kind.LIMIT, "本类最多扣几分", f"写负数；{_NO_LIMIT}", "-30", required=True),
        Key("basis", Kind.TEXT, "依据", "", "细则第一条"),
        Key("weight", Kind.AMOUNT, "本类占几成", "写了的各类合计 100%；不写按原分计", "100%"),
        Key("rounding", Kind.ROW, "折算怎样取整", "写了 weight 就必须写", of="rounding"),
    ),
)
EXEMPTIONS = Table(
    "exemptions",
    "免予计分 exemptions",
    (
        Key("basis", Kind.TEXT, "依据", "", "细则第七条", required=True),
        Key("by", Kind.TEXT, "由谁批准", "", "考核领导小组", required=True),
    ),
)
RULE = Table(
    "rule",
    "条款 rules",
    (
        Key("id", Kind.TEXT, "条款编号", "改条款时不变", "R-1", required=True),
        Key("version", Kind.TEXT, "版本", "改一次换一个", "2024", required=True),
        Key("category", Kind.TEXT, "类别", "类别编号", "patents", required=True),
        Key("name", Kind.TEXT, "条款名称", "", "专利申报", required=True),
        Key("basis", Kind.TEXT, "条款依据", "", "细则第一条", required=True),
        Key(
            "kind",
            Kind.CHOICE,
            "怎样计分",
            "",
            "per_piece",
            required=True,
            words=(
                ("per_piece", "每少一件、每超一件"),
                ("per_occurrence", "每次"),
                ("step", "按完成率分档"),
                ("graduated", "差多少扣多少，分段计率，上下可不同"),
                ("proportional", "满分乘完成率"),
                ("efficacy", "功效系数"),
                ("completion", "应办事项加权完成率"),
                ("rank_points", "按名次"),
                ("bonus_by_level", "按级别"),
                ("lookup", "查表乘系数"),
                ("judged", "由人评定"),
                ("panel", "几方评分加权"),
                ("formula", "算式"),
                ("veto", "否决，只影响等次"),
            ),
        ),
        Key(
            "fact",
            Kind.CHOICE,
            "用哪种事实",
            "不得用登录、阅读、打卡、上传数等痕迹",
            "indicator",
            required=True,
            words=(
                ("missing", "未报送"),
                ("late", "迟报"),
                ("returned", "退回"),
                ("on_time", "按时报送"),
                ("completion", "应办事项完成情况"),
                ("indicator", "指标完成情况"),
                ("bonus", "加分事项"),
                ("deduction", "扣分事项"),
                ("veto", "否决事项"),
                ("judged", "评定"),
                ("none", "不用事实（只用别的条款的得分）"),
            ),
        ),
        Key("only", Kind.ROW, "只算哪些事实", "", of="filter"),
        Key("unless", Kind.ROW, "不算哪些事实", "", of="filter"),
        Key("when", Kind.TEXT, "什么条件下计", "算式，见 docs/assessment.md", "rate < 60%"),
        Key(
            "year",
            Kind.CHOICE,
            "考核年度以外的事实",
            "",
            "any",
            words=(("period", "不计"), ("any", "也计（默认）")),
        ),
        Key("from", Kind.DAY, "本版本从哪天起", "", "2024-01-01"),
        Key("to", Kind.DAY, "本版本到哪天止", "", "2024-12-31"),
        Key("start", Kind.POINTS, "起评分", "有没有事实都先得；扣完为止写 `floor: 0`", "10"),
        Key("points", Kind.POINTS, "每件、每次几分", "扣分写负数", "-0.1"),
        Key("repeat", Kind.ROW, "再犯加倍", "", of="repeat"),
        Key(
            "scope",
            Kind.CHOICE,
            "算式算几次",
            "",
            "fact",
            words=(("fact", "每条事实一次"), ("unit", "每个单位一次")),
        ),
        Key("amount", Kind.TEXT, "得几分的算式", "", "min(5, 0.5 * count)"),
        Key("over", Kind.POINTS, "每超一件几分", "", "0.1"),
        Key("each", Kind.AMOUNT, "几件为一档", "默认 1", "1"),
        Key("full", Kind.POINTS, "满分", "", "5"),
        Key(
            "mode",
            Kind.CHOICE,
            "得分还是扣分",
            "",
            "deduct",
            words=(("award", "完成多少得多少"), ("deduct", "扣去未完成的部分")),
        ),
        Key(
            "measure",
            Kind.CHOICE,
            "差距按什么量",
            "",
            "percent",
            words=(("percent", "完成率的百分点"), ("quantity", "件数")),
        ),
        Key("shortfall", Kind.ROWS, "未达到目标的分段", "由近到远", of="stretch"),
        Key("excess", Kind.ROWS, "超出目标的分段", "由近到远；不写就不加分", of="stretch"),
        Key("base_share", Kind.AMOUNT, "功效系数的基础部分", "与 span 合计 100%", "60%"),
        Key("span", Kind.AMOUNT, "功效系数的浮动部分", "", "40%"),
        Key("high", Kind.AMOUNT, "满意值", "不写：取本组最好的", "100"),
        Key("low", Kind.AMOUNT, "不允许值", "不写：取本组最差的", "60"),
        Key(
            "when_equal",
            Kind.CHOICE,
            "最好与最差相同时",
            "",
            "full",
            words=(("full", "按 100%"), ("base", "按 base_share")),
        ),
        Key("bands", Kind.ROWS, "分档", "从高到低", of="band"),
        Key("below", Kind.SHARE, "最低一档以下得几分", "", "0"),
        Key("role_weight", Kind.ROW, "牵头与配合的权重", "", of="role_weight"),
        Key(
            "granularity",
            Kind.CHOICE,
            "不足一件怎样算",
            "",
            "whole",
            words=(
                ("pro_rata", "按比例"),
                ("whole", "不足一件不计"),
                ("up", "不足一件按一件计"),
            ),
        ),
        Key("rounding", Kind.ROW, "怎样取整", "会除不尽的条款必须写", of="rounding"),
        Key(
            "direction",
            Kind.CHOICE,
            "指标方向",
            "",
            "normal",
            words=(("normal", "越多越好（默认）"), ("reverse", "越少越好")),
        ),
        Key(
            "unreported",
            Kind.CHOICE,
            "没有报送完成数的",
            "",
            "zero",
            words=(("zero", "按 0 计"), ("skip", "不计分")),
        ),
        Key(
            "when_none",
            Kind.CHOICE,
            "没有应办事项的",
            "",
            "zero",
            words=(("full", "满分"), ("zero", "0 分")),
        ),
        Key("item_floor", Kind.LIMIT, "单项最多扣几分", _NO_LIMIT, "-5"),
        Key("item_cap", Kind.LIMIT, "单项最多得几分", _NO_LIMIT, "0"),
        Key("floor", Kind.LIMIT, "本条最多扣几分", _NO_LIMIT, "无"),
        Key("cap", Kind.LIMIT, "本条最多得几分", _NO_LIMIT, "5"),
        Key(
            "by",
            Kind.CHOICE,
            "按什么排名次",
            "",
            "done",
            words=(("done", "完成数"), ("rate", "完成率")),
        ),
        Key(
            "order",
            Kind.CHOICE,
            "名次从哪头起",
            "",
            "desc",
            words=(("desc", "从大到小"), ("asc", "从小到大")),
        ),
        Key(
            "within",
            Kind.CHOICE,
            "在哪里面比",
            "",
            "group",
            words=(("group", "本组"), ("all", "全部单位")),
        ),
        Key("table", Kind.ROWS, "名次表", "由前到后", of="place"),
        Key("rest", Kind.POINTS, "名次表以外得几分", "", "0"),
        Key(
            "of",
            Kind.CHOICE,
            "按什么查表",
            "",
            "level",
            words=_TABLE_KEYS,
        ),
        Key("factor", Kind.ROW, "再乘的系数", "", of="factor"),
        Key("levels", Kind.ROW, "各级别的分值", "如 `{国家级: 3, 省级: 2}`", of="scores"),
        Key(
            "same_matter",
            Kind.CHOICE,
            "同一事项多级表彰",
            "",
            "highest",
            words=(("highest", "只计最高一次"), ("each", "逐次计")),
        ),
        Key("judge", Kind.TEXT, "由谁评定", "", "市政府督查室"),
        Key("judges", Kind.ROWS, "由哪几方评", "权重合计 100%", of="judge_weight"),
        Key("scale", Kind.POINTS, "各方按多少分制评", "", "100"),
        Key("range", Kind.ROW, "评定的分值范围", "", of="range"),
        Key(
            "effect",
            Kind.CHOICE,
            "对等次的影响",
            "",
            "降一等",
            words=(
                ("取消评优", "不得评第一等"),
                ("降一等", "评定后降一等"),
                ("一票否决", "直接评最后一等"),
            ),
        ),
        Key(
            "sentence",
            Kind.TEXT,
            "得分说明怎么写",
            "花括号里的名称由程序填",
            "{title}扣{points}分",
            required=True,
        ),
        Key("sentence_over", Kind.TEXT, "超额时怎么写", "", "{title}加{points}分"),
        Key("sentence_met", Kind.TEXT, "恰好完成时怎么写", "", "{title}完成"),
    ),
)
FILTER = Table(
    "filter",
    "挑事实 only、unless",
    tuple(
        Key(name, Kind.TEXTS, told, "写一个或几个", (example,))
        for name, told, example in (
            ("title", "题名", "专利申报"),
            ("task", "任务编号", "C-01"),
            ("obligation", "应办编号", "C-01/scjgj/final"),
            ("role", "角色：`lead`、`support`", "lead"),
            ("level", "级别", "省级"),
            ("matter", "事项", "示范县"),
            ("counted_in", "计量单位", "件"),
            ("group", "考核分组", "乡镇街道"),
        )
    ),
)
REPEAT = Table(
    "repeat",
    "再犯加倍 repeat",
    (
        Key(
            "same",
            Kind.CHOICE,
            "什么算同一件",
            "",
            "matter",
            required=True,
            words=(
                ("matter", "同一事项"),
                ("title", "同一题名"),
                ("task", "同一任务"),
                ("unit", "同一单位"),
            ),
        ),
        Key(
            "factors",
            Kind.TEXTS,
            "第一次、第二次……各乘几",
            "最后一个管以后各次",
            ("1", "2"),
            required=True,
        ),
    ),
)
STRETCH = Table(
    "stretch",
    "分段 shortfall、excess",
    (
        Key("from", Kind.POINTS, "差距从多少起", "第一段写 0", "0", required=True),
        Key("to", Kind.LIMIT, "到多少止", "最后一段写 `无`", "无", required=True),
        Key("each", Kind.AMOUNT, "每几个百分点（件）", "默认 1", "1"),
        Key("points", Kind.POINTS, "几分", "扣分写负数", "-0.2", required=True),
    ),
)
FACTOR = Table(
    "factor",
    "系数 factor",
    (
        Key("of", Kind.CHOICE, "按什么取系数", "", "role", required=True, words=_TABLE_KEYS),
        Key("values", Kind.ROW, "各自的系数", "", of="factors", required=True),
    ),
)
FACTORS = Table(
    "factors",
    "系数表 factor.values",
    (),
    Free("^.+$", Kind.AMOUNT, "查到的值，如 `lead`", ("lead", "1")),
)
JUDGE_WEIGHT = Table(
    "judge_weight",
    "评定主体 judges",
    (
        Key("name", Kind.TEXT, "名称", "与事实的 judge 相同", "考核组", required=True),
        Key("weight", Kind.AMOUNT, "权重", "", "100%", required=True),
    ),
)
BAND = Table(
    "band",
    "分档 bands",
    (
        Key("from", Kind.AMOUNT, "完成率达到多少", "写百分数，以上含本数", "90%", required=True),
        Key("to", Kind.AMOUNT, "到多少为止（不含）", "可不写；写了就须等于上一档的 from", "100%"),
        Key("exclusive", Kind.FLAG, "不含本数", "“以上”默认含本数", "否"),
        Key("give", Kind.SHARE, "得几分", "分数，或满分的百分之几", "60%", required=True),
        Key("rise_to", Kind.SHARE, "档内直线升到几分", "最高一档不能写", "100%"),
        Key("per_over", Kind.POINTS, "每超一件再加几分", "", "0.1"),
    ),
)
ROLE_WEIGHT = Table(
    "role_weight",
    "权重 role_weight",
    (
        Key("lead", Kind.AMOUNT, "牵头", "", "1", required=True),
        Key("support", Kind.AMOUNT, "配合", "", "0.5", required=True),
    ),
)
ROUNDING = Table(
    "rounding",
    "取整 rounding",
    (
        Key("to", Kind.POINTS, "取到哪一位", "0.1、0.01 或 0.001", "0.01", required=True),
        Key("mode", Kind.CHOICE, "怎样取", "", "half_up", required=True, words=MODES),
    ),
)
PLACE = Table(
    "place",
    "名次表 table",
    (
        Key("to", Kind.INTEGER, "到第几名", "", "1", required=True, least=1),
        Key("give", Kind.POINTS, "得几分", "", "5", required=True),
    ),
)
SCORES = Table(
    "scores",
    "各级别的分值 levels",
    (),
    Free("^.+$", Kind.POINTS, "级别，如 `国家级`", ("国家级", "3")),
)
RANGE = Table(
    "range",
    "评定范围 range",
    (
        Key("from", Kind.POINTS, "最低", "", "0", required=True),
        Key("to", Kind.POINTS, "最高", "", "10", required=True),
    ),
)
ASSESSMENT = (
    SHEET,
    VALID,
    TOTAL,
    CATEGORY,
    RULE,
    EXEMPTIONS,
    FILTER,
    REPEAT,
    STRETCH,
    FACTOR,
    FACTORS,
    JUDGE_WEIGHT,
    BAND,
    ROLE_WEIGHT,
    ROUNDING,
    PLACE,
    SCORES,
    RANGE,
    *GRADING,
)
