"""The keys of the escalation ladder and of the lamps."""

from __future__ import annotations

from duban.matrix.schema_keys import COUNT_WORDS, Key, Kind, Table

_POSTS_TOLD = "岗位：`liaison`、`section`、`deputy`、`head`、`county`"
_COLOUR_WORDS = (
    ("red", "红"),
    ("orange", "橙"),
    ("yellow", "黄"),
    ("green", "绿"),
    ("blue", "蓝"),
    ("grey", "灰"),
)
_LAMP_KEYS = (
    Key("colour", Kind.CHOICE, "颜色", "", "red", required=True, words=_COLOUR_WORDS),
    Key("name", Kind.TEXT, "灯名", "", "红灯", required=True),
    Key("words", Kind.TEXT, "旁边的字", "颜色之外再用字说一遍", "逾期"),
)
_PRESET = Key(
    "preset", Kind.TEXT, "用哪一套成套的办法", "写了它就不写别的；`duban presets list` 查看"
)
_TITLE = Key("title", Kind.TEXT, "名称", "印在说明里", "本市的办法")

ESCALATION = Table(
    "escalation",
    "督办梯级 escalation.yaml",
    (
        _PRESET,
        _TITLE,
        Key(
            "delivery_wait",
            Kind.INTEGER,
            "前一级没送到时等几个工作日",
            "默认 3；等过了照样往上走，并写明没有送到",
            "3",
            least=0,
        ),
        Key("urgent_from", Kind.TEXT, "加急任务从哪一级起步", "写梯级编号", "circular"),
        Key("steps", Kind.ROWS, "梯级", "从轻到重；不写 preset 时必填", of="step"),
        Key(
            "ladders",
            Kind.ROWS,
            "另给某些事项用的梯级",
            "从上往下，第一套合适的为准；都不合适用 `steps`",
            of="step_ladder",
        ),
    ),
)
STEP_LADDER = Table(
    "step_ladder",
    "另一套梯级 ladders",
    (
        Key("id", Kind.TEXT, "编号", "不重复，启用后不改", "hard", required=True),
        Key("name", Kind.TEXT, "名称", "", "硬性时限"),
        Key("for", Kind.ROW, "给哪些事项用", "", of="step_ladder_for"),
        Key("urgent_from", Kind.TEXT, "加急任务从哪一级起步", "写梯级编号", "circular"),
        Key("steps", Kind.ROWS, "梯级", "从轻到重", of="step", required=True),
    ),
)
STEP_LADDER_FOR = Table(
    "step_ladder_for",
    "给哪些事项用 for",
    (
        Key(
            "unit_kind",
            Kind.TEXTS,
            "单位种类",
            "`bureau`、`party`、`court`、`township`、`street`、`committee`、`vertical`；不写不限",
            ("township",),
        ),
        Key(
            "kind",
            Kind.TEXTS,
            "事项",
            "`finish` 办结、`milestone` 节点、`report` 定期报送、`summary` 汇总；不写不限",
            ("finish", "milestone"),
        ),
        Key(
            "class",
            Kind.TEXTS,
            "时限性质",
            "任务的 `kind`：`planned`、`internal`、`hard`；不写不限",
            ("hard",),
        ),
    ),
)
STEP = Table(
    "step",
    "督办梯级 steps",
    (
        Key("id", Kind.TEXT, "编号", "不重复，启用后不改", "circular", required=True),
        Key("name", Kind.TEXT, "名称", "", "通报", required=True),
        Key("overdue", Kind.INTEGER, "逾期多少天触发", "条件写了几样就要同时满足", "5", least=1),
        Key("before", Kind.INTEGER, "时限前多少天触发", "与 `overdue` 只写一个", least=1),
        Key("count", Kind.CHOICE, "按什么数天", "", "working_days", words=COUNT_WORDS),
        Key("misses_in_row", Kind.INTEGER, "同一任务连续几期未报触发", "", "2", least=2),
        Key("lamps", Kind.TEXTS, "亮什么灯触发", "看已过月份记下的灯", ("red",)),
        Key("lamps_in_row", Kind.INTEGER, "连续几个月亮灯", "默认 1", "2", least=1),
        Key("times_in_year", Kind.INTEGER, "同一单位一年内第几次触发", "", "3", least=2),
        Key(
            "times_of",
            Kind.TEXTS,
            "数哪些文种的次数",
            "默认督办单、督办函、工作提示、函",
            ("督办单", "工作提示"),
        ),
        Key(
            "unanswered",
            Kind.INTEGER,
            "几次提醒送到而没有回应触发",
            "签收、报送都算回应",
            "3",
            least=1,
        ),
        Key("after_step", Kind.TEXT, "接在哪一级发出之后", "写前面一级的编号"),
        Key("after", Kind.INTEGER, "那一级发出后几天", "按 `count` 数", "3", least=0),
        Key(
            "unreasoned",
            Kind.FLAG,
            "无正当理由才升级",
            "`是`：单位说明了理由的，先由具名的人认定；没有说明的照条件办",
            "否",
        ),
        Key("to", Kind.TEXTS, "发给谁", _POSTS_TOLD, ("head",), required=True),
        Key("copies", Kind.TEXTS, "抄送谁", f"不与收件人重复。{_POSTS_TOLD}", ("deputy",)),
        Key(
            "paper",
            Kind.CHOICE,
            "文种",
            "督办单、督办函对乡镇街道改发 `duban.yaml` 里 paper_to_lower 的文种",
            "通报",
            required=True,
            words=(
                ("催办", "不须确认"),
                ("工作提示", "不须确认"),
                ("函", "不须确认"),
                ("督办单", "不须确认"),
                ("督办函", "不须确认"),
                ("通报", "须确认"),
                ("约谈", "须确认"),
                ("问责", "须确认"),
            ),
        ),
        Key("confirm", Kind.FLAG, "是否由具名的人确认后才发", "通报、约谈、问责必须写 `是`", "是"),
        Key("timeout_hours", Kind.INTEGER, "等人确认多少个工作小时算超时", "", "16", least=1),
        Key(
            "timeout_days",
            Kind.INTEGER,
            "等人确认多少个工作日算超时",
            "一天按 8 小时",
            "2",
            least=1,
        ),
        Key(
            "on_timeout",
            Kind.CHOICE,
            "超时怎么办",
            "",
            "hold",
            words=(
                ("hold", "仍等人确认，提醒办公室（默认）"),
                ("go", "自动发出；通报、约谈、问责不可以"),
            ),
        ),
        Key("score", Kind.TEXT, "对考核的影响", "名称或分值，随记录留存供细则取用", "督办扣分"),
    ),
)

LAMPS = Table(
    "lamps",
    "红黄绿灯 lamps.yaml",
    (
        _PRESET,
        _TITLE,
        Key(
            "basis",
            Kind.CHOICE,
            "按进度的各档怎么算",
            "各档都按天时不用写",
            "days_left",
            words=(
                ("days_left", "按剩余工作日（默认）"),
                ("points_behind", "落后序时进度几个百分点"),
                ("percent_of_schedule", "完成序时进度的百分之几"),
            ),
        ),
        Key(
            "schedule",
            Kind.CHOICE,
            "序时进度怎么算",
            "",
            "time",
            words=(
                ("time", "按时间过去的比例（默认）"),
                ("milestones", "按到期的节点占全部的比例"),
            ),
        ),
        Key(
            "until",
            Kind.CHOICE,
            "灯亮到什么时候",
            "",
            "submitted",
            words=(("submitted", "报送为止（默认）"), ("closed", "办结销号为止")),
        ),
        Key(
            "steps",
            Kind.ROWS,
            "各档",
            "从最急写到最缓，中间不留空档、不重叠；不写 preset 时必填",
            of="lamp_step",
        ),
        Key("done", Kind.ROW, "已办结的灯", "", of="lamp"),
        Key("idle", Kind.ROW, "未起算的灯", "", of="lamp"),
    ),
)
LAMP_STEP = Table(
    "lamp_step",
    "各档 steps",
    (
        *_LAMP_KEYS,
        Key(
            "at_most_days_left",
            Kind.BOUND,
            "剩余工作日不超过几天",
            "负数为已逾期；最后一档写 `any`（默认）；按进度的档不写",
            "any",
        ),
        Key("from", Kind.DECIMAL, "按进度：从多少起（含）", "按天的档不写"),
        Key("over", Kind.DECIMAL, "按进度：超过多少（不含）", "与 `from` 只写一个"),
        Key("to", Kind.DECIMAL, "按进度：到多少止（含）", "按天的档不写"),
        Key("under", Kind.DECIMAL, "按进度：不到多少（不含）", "与 `to` 只写一个"),
    ),
)
LAMP = Table("lamp", "done、idle", _LAMP_KEYS)

LADDER_TABLES = (ESCALATION, STEP_LADDER, STEP_LADDER_FOR, STEP, LAMPS, LAMP_STEP, LAMP)
