"""The keys of files of facts and of rule tests: what happened, and the lines that must come out."""

from __future__ import annotations

from duban.matrix.schema_keys import Free, Key, Kind, Table

_UNITS = Key("units", Kind.ROWS, "考核单位", "", of="entry", required=True)
_FACTS = Key("facts", Kind.ROWS, "事实", "", of="fact")
_PERIOD = Key("period", Kind.ROW, "考核期间", "条款写了 `year: period` 才用得上", of="period")

FACT_FILE = Table("facts", "事实文件", (_UNITS, _FACTS, _PERIOD))
PERIOD = Table(
    "period",
    "考核期间 period",
    (
        Key("from", Kind.DAY, "从哪天起", "", "2024-01-01", required=True),
        Key("to", Kind.DAY, "到哪天止", "", "2024-12-31", required=True),
    ),
)
ENTRY = Table(
    "entry",
    "考核单位 units",
    (
        Key("id", Kind.TEXT, "编号", "不重复", "jia", required=True),
        Key("name", Kind.TEXT, "名称", "", "甲镇", required=True),
        Key("group", Kind.TEXT, "考核分组", "", "乡镇街道", required=True),
        Key("assessed", Kind.FLAG, "是否考核", "默认是"),
        Key("reason", Kind.TEXT, "不考核的原因", "不考核就必须写"),
    ),
)
FACT = Table(
    "fact",
    "事实 facts",
    (
        Key("id", Kind.TEXT, "编号", "不重复；条款测试里可不写", "f1"),
        Key("unit", Kind.TEXT, "单位", "编号或名称；条款测试里只有一个单位时可不写", "jia"),
        Key(
            "kind",
            Kind.CHOICE,
            "种类",
            "",
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
                ("exemption", "免予计分"),
                ("self_score", "自评"),
            ),
        ),
        Key("obligation", Kind.TEXT, "应办事项", "", "C-01/jia/finish:end"),
        Key("task", Kind.TEXT, "任务编号", "", "C-01"),
        Key("title", Kind.TEXT, "题名", "", "专利申报"),
        Key(
            "role",
            Kind.CHOICE,
            "角色",
            "",
            "lead",
            words=(("lead", "牵头"), ("support", "配合")),
        ),
        Key("weight", Kind.AMOUNT, "任务权重", "默认 1", "1"),
        Key("target", Kind.AMOUNT, "目标", "指标必写；最多六位小数", "2"),
        Key("done", Kind.AMOUNT, "完成数、评定分或自评分", "", "1"),
        Key("level", Kind.TEXT, "级别", "", "省级"),
        Key("matter", Kind.TEXT, "事项", "同一事项写同样的名称", "质押融资"),
        Key("count", Kind.INTEGER, "次数", "默认 1", "1", least=0),
        Key("days", Kind.INTEGER, "迟了几个工作日", "", "3", least=0),
        Key("happened_on", Kind.DAY, "日期", "", "2024-03-01"),
        Key("event", Kind.TEXT, "台账事件", "event 和 evidence 至少写一个，否则不计", "17:9f2c"),
        Key("evidence", Kind.TEXTS, "依据", "", ("受理通知书",)),
        Key("note", Kind.TEXT, "备注", "", "因防汛"),
        Key("counted_in", Kind.TEXT, "计量单位", "", "件"),
        Key("judge", Kind.TEXT, "谁评的", "几方评分时必写", "考核组"),
        Key("rule", Kind.TEXT, "哪一条", "免予计分、自评用", "R-1"),
    ),
)
TESTS = Table(
    "ruletests",
    "条款测试 assessment/tests/*.yaml",
    (
        Key("rules", Kind.TEXT, "检验哪份细则", "相对本文件的路径", "../2024.yaml", required=True),
        Key("tests", Kind.ROWS, "各例", "", of="ruletest", required=True),
    ),
)
TEST = Table(
    "ruletest",
    "一例 tests",
    (
        Key("name", Kind.TEXT, "这一例说的是什么", "", "少报两件扣0.2分", required=True),
        Key("group", Kind.TEXT, "单位的考核分组", "只有一个单位时可用", "乡镇街道"),
        Key("units", Kind.ROWS, "单位", "不写就是一个“甲单位”", of="entry"),
        _FACTS,
        _PERIOD,
        Key(
            "expect",
            Kind.ROWS,
            "应得的各行",
            "不应计分写 `[]`；基础分和起评分不用写",
            of="expected",
        ),
        Key("total", Kind.TEXT, "总分", "", "99.8"),
        Key("totals", Kind.ROW, "各单位总分", "", of="by_unit"),
        Key("rank", Kind.TEXT, "名次", "", "1"),
        Key("ranks", Kind.ROW, "各单位名次", "", of="by_unit"),
        Key("grade", Kind.TEXT, "等次", "", "合格"),
        Key("grades", Kind.ROW, "各单位等次", "", of="by_unit"),
    ),
)
EXPECTED = Table(
    "expected",
    "应得的一行 expect",
    (
        Key("unit", Kind.TEXT, "单位", "只有一个单位时可不写", "jia"),
        Key(
            "rule",
            Kind.TEXT,
            "条款编号",
            "封顶写“条款编号.cap”，扣完写“.floor”",
            "R-1",
            required=True,
        ),
        Key("points", Kind.POINTS, "几分", "", "-0.1", required=True),
        Key("says", Kind.TEXT, "说明里应有的话", "", "扣0.1分"),
    ),
)
BY_UNIT = Table(
    "by_unit",
    "各单位 totals、ranks、grades",
    (),
    Free("^.+$", Kind.TEXT, "单位编号或名称", ("jia", "1")),
)

FACTS = (FACT_FILE, PERIOD, ENTRY, FACT, TESTS, TEST, EXPECTED, BY_UNIT)
