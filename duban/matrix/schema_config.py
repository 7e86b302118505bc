"""The keys of the office's settings: calendar, reminders, ladder, lamps, channels, duban.yaml."""

from __future__ import annotations

from duban.matrix.schema_keys import COUNT_WORDS, Key, Kind, Table

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
_POSTS_TOLD = "岗位：`liaison`、`section`、`deputy`、`head`、`county`"

CALENDAR = Table(
    "calendar",
    "工作日历 calendar.yaml",
    (Key("years", Kind.ROWS, "年份", "一年一段，照国务院办公厅的放假通知填", of="year"),),
)
YEAR = Table(
    "year",
    "年份 years",
    (
        Key("year", Kind.INTEGER, "年份", "", "2026", required=True),
        Key("notice", Kind.TEXT, "通知文号", "", "国办发明电〔2025〕7号", required=True),
        Key(
            "off",
            Kind.TEXTS,
            "放假日",
            "落在周末的也写；一段写成 `起/止`",
            ("2026-01-01/2026-01-03",),
            required=True,
        ),
        Key("work", Kind.TEXTS, "调休上班的周六、周日", "", ("2026-01-04",)),
    ),
)

REMINDERS = Table(
    "reminders",
    "提醒 reminders.yaml",
    (
        Key("digest_time", Kind.CLOCK, "每天几点发", '写成 `"08:30"`，只在工作日', "08:30"),
        Key(
            "repeat_every_working_days",
            Kind.INTEGER,
            "逾期后隔几个工作日再提醒",
            "默认 3",
            "3",
            least=1,
        ),
        Key(
            "open_before_working_days",
            Kind.INTEGER,
            "定期报送在时限前几个工作日发出报送通知",
            "默认 7",
            "7",
            least=1,
        ),
        Key(
            "resubmit_working_days", Kind.INTEGER, "退回后给几个工作日补报", "默认 3", "3", least=1
        ),
        Key(
            "quiet_after_ack_working_days",
            Kind.INTEGER,
            "签收后几个工作日内不再提醒签收人",
            "默认 5；到期当天和逾期照常提醒",
            "5",
            least=0,
        ),
        Key("urgent_per_day", Kind.INTEGER, "加急通知每人每天最多几条", "默认 2", "2", least=0),
        Key("rungs", Kind.ROWS, "提醒梯级", "编号不重复", of="rung", required=True),
    ),
)
RUNG = Table(
    "rung",
    "提醒梯级 rungs",
    (
        Key("id", Kind.TEXT, "编号", "不重复，启用后不改", "overdue", required=True),
        Key("before", Kind.INTEGER, "时限前几天", "与 `after` 二选一；0 是当天"),
        Key("after", Kind.INTEGER, "时限后几天", "与 `before` 二选一", "1"),
        Key("count", Kind.CHOICE, "按什么数天", "", "working_days", words=COUNT_WORDS),
        Key("repeats", Kind.FLAG, "是否重复", "只有到期之后的梯级能重复", "是"),
        Key("to", Kind.TEXTS, "发给谁", f"{_POSTS_TOLD}；默认联络员", ("liaison",)),
        Key("words", Kind.TEXT, "消息里怎么说", "", "已逾期"),
    ),
)

ESCALATION = Table(
    "escalation",
    "督办梯级 escalation.yaml",
    (
        Key("urgent_from", Kind.TEXT, "加急任务从哪一级起步", "写梯级编号", "circular"),
        Key("steps", Kind.ROWS, "梯级", "从轻到重", of="step", required=True),
    ),
)
STEP = Table(
    "step",
    "督办梯级 steps",
    (
        Key("id", Kind.TEXT, "编号", "不重复，启用后不改", "circular", required=True),
        Key("name", Kind.TEXT, "名称", "", "通报", required=True),
        Key(
            "overdue", Kind.INTEGER, "逾期多少天触发", "与 `misses_in_row` 至少写一个", "5", least=1
        ),
        Key("count", Kind.CHOICE, "按什么数天", "", "working_days", words=COUNT_WORDS),
        Key("misses_in_row", Kind.INTEGER, "连续几期未报触发", "", "2", least=2),
        Key("to", Kind.TEXTS, "发给谁", _POSTS_TOLD, ("head",)),
        Key("copies", Kind.TEXTS, "抄送谁", _POSTS_TOLD, ("deputy",)),
        Key(
            "paper",
            Kind.CHOICE,
            "文种",
            "",
            "通报",
            required=True,
            words=(
                ("催办", "不须确认"),
                ("督办单", "不须确认"),
                ("通报", "须确认"),
                ("约谈", "须确认"),
                ("问责", "须确认"),
            ),
        ),
        Key("confirm", Kind.FLAG, "是否由具名的人确认后才发", "通报、约谈、问责必须写 `是`", "是"),
    ),
)

LAMPS = Table(
    "lamps",
    "红黄绿灯 lamps.yaml",
    (
        Key(
            "steps",
            Kind.ROWS,
            "各档",
            "从最急写到最缓，中间不留空档",
            of="lamp_step",
            required=True,
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
            "负数为已逾期；最后一档写 `any`",
            "any",
            required=True,
        ),
    ),
)
LAMP = Table("lamp", "done、idle", _LAMP_KEYS)

CHANNELS = Table(
    "channels",
    "渠道 channels.yaml",
    (
        Key("default", Kind.TEXT, "一般通知走哪个渠道", "写渠道编号", "mail"),
        Key("lost", Kind.TEXT, "哪个岗位都没有地址时放到哪里", "写渠道编号", "mail"),
        Key("channels", Kind.ROWS, "渠道", "", of="channel"),
    ),
)
CHANNEL = Table(
    "channel",
    "渠道 channels",
    (
        Key("id", Kind.TEXT, "编号", "不重复", "mail", required=True),
        Key("name", Kind.TEXT, "名称", "", "电子邮件"),
        Key(
            "url",
            Kind.TEXT,
            "地址",
            "不写口令：口令写成 `${env:变量名}` 或 `${file:文件}`",
            "dubanmaildir://mail",
            required=True,
        ),
        Key("instead", Kind.TEXT, "代替 url 的环境变量", "设了它就用它", "DUBAN_SMTP_URL"),
        Key(
            "on_unknown",
            Kind.CHOICE,
            "发没发到说不清时",
            "",
            "resend",
            words=(("resend", "用同一编号再发一次"), ("hold", "停下来等人决定（默认）")),
        ),
        Key(
            "form",
            Kind.CHOICE,
            "发什么样的正文",
            "",
            "mail",
            words=(("mail", "邮件（默认）"), ("md", "Markdown"), ("text", "纯文字")),
        ),
        Key(
            "limit", Kind.INTEGER, "一条的字节数上限", "不少于 200；没有上限就不写", "4000", least=0
        ),
        Key(
            "rate",
            Kind.TEXTS,
            "限速",
            "超出的留在队列里稍后发；`10/day per person` 是每人每天；不写就用内置的",
            ("18/min",),
        ),
        Key(
            "fallback",
            Kind.TEXT,
            "备用渠道",
            "失败或结果不明多久之后改走哪个渠道，如 `inbox after 60m`",
            "",
        ),
    ),
)

DUBAN = Table(
    "duban",
    "办公室设置 duban.yaml",
    (
        Key(
            "plan",
            Kind.TEXT,
            "用哪个工作方案",
            "`tasks_def/` 下的文件夹名",
            "xinzheng-ip-pilot",
            required=True,
        ),
        Key("office_unit", Kind.TEXT, "办公室设在哪个单位", "", "市市场监管局", required=True),
        Key(
            "office_name",
            Kind.TEXT,
            "办公室名称",
            "",
            "新郑市知识产权强县建设试点工作专班办公室",
            required=True,
        ),
        Key(
            "issuer",
            Kind.TEXT,
            "督办单、通报、提示由谁落款",
            "专班不得以自己名义向下级政府发号施令",
            "新郑市知识产权强县建设试点工作专班办公室",
            required=True,
        ),
        Key(
            "paper_to_lower",
            Kind.TEXT,
            "发给乡镇街道的默认文种",
            "`工作提示`（默认）或 `函`",
            "工作提示",
        ),
        Key(
            "contact", Kind.TEXT, "联系方式", "印在消息末尾", "新郑市市场监督管理局司文科 62696021"
        ),
        Key("public_url", Kind.TEXT, "个人链接以什么开头", "单位内网地址", "http://127.0.0.1:8420"),
        Key("mail_domain", Kind.TEXT, "邮件编号用的域名", "", "xinzheng.example"),
        Key("mail_from", Kind.TEXT, "发件人", "", "duban@xinzheng.example"),
        Key("works_from", Kind.CLOCK, "几点起发普通通知", '写成 `"08:30"`', "08:30"),
        Key("works_until", Kind.CLOCK, "几点以后不再发", '写成 `"17:30"`', "17:30"),
        Key("link_days", Kind.INTEGER, "个人链接的有效天数", "默认 45", "45", least=1),
        Key(
            "clerks",
            Kind.TEXTS,
            "可在网页上署名的经办人",
            "空着则可填任何姓名；正式启用时应列出",
            "[经办人甲, 经办人乙]",
        ),
    ),
)

CONFIG = (
    CALENDAR,
    YEAR,
    REMINDERS,
    RUNG,
    ESCALATION,
    STEP,
    LAMPS,
    LAMP_STEP,
    LAMP,
    CHANNELS,
    CHANNEL,
    DUBAN,
)
