"""The keys of the office's settings: calendar, reminders, ladder, lamps, channels, duban.yaml."""

from __future__ import annotations

from duban.matrix.schema_keys import COUNT_WORDS, Key, Kind, Table
from duban.matrix.schema_ladder import LADDER_TABLES
from duban.matrix.schema_papers import PAPER_TABLES

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
        Key("rungs", Kind.ROWS, "一般梯级", "别的梯级都不管的用它", of="rung", required=True),
        Key("ladders", Kind.ROWS, "按事项选的梯级", "从上往下，第一套合适的为准", of="ladder"),
    ),
)
LADDER = Table(
    "ladder",
    "梯级 ladders",
    (
        Key("id", Kind.TEXT, "编号", "不重复；任务里的 `reminders` 写它", "hard", required=True),
        Key("for", Kind.ROW, "给哪些事项用", "不写：只给点名用它的任务", of="ladder_for"),
        Key("rungs", Kind.ROWS, "梯级", "同一套里编号不重复", of="rung", required=True),
    ),
)
LADDER_FOR = Table(
    "ladder_for",
    "给哪些事项用 for",
    (
        Key(
            "role",
            Kind.TEXTS,
            "分工",
            "`lead` 汇总、`joint` 共同牵头、`support` 配合、`part` 其他报送单位；不写不限",
            ("lead", "joint"),
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
RUNG = Table(
    "rung",
    "提醒梯级 rungs",
    (
        Key("id", Kind.TEXT, "编号", "不重复，启用后不改", "overdue", required=True),
        Key("before", Kind.INTEGER, "时限前几天", "与 `after` 二选一；0 是当天", least=0),
        Key("after", Kind.INTEGER, "时限后几天", "与 `before` 二选一", "1", least=0),
        Key("count", Kind.CHOICE, "按什么数天", "", "working_days", words=COUNT_WORDS),
        Key("repeats", Kind.FLAG, "是否重复", "只有到期之后的梯级能重复", "是"),
        Key("to", Kind.TEXTS, "发给谁", f"{_POSTS_TOLD}；默认联络员", ("liaison",)),
        Key("words", Kind.TEXT, "消息里怎么说", "", "已逾期"),
        Key(
            "summary",
            Kind.FLAG,
            "是否附本单位总清单",
            "`是`：收件人当天收到本单位全部待办，只发一次",
            "否",
        ),
    ),
)

CHANNELS = Table(
    "channels",
    "渠道 channels.yaml",
    (
        Key("default", Kind.TEXT, "一般通知走哪个渠道", "写渠道编号", "mail"),
        Key("lost", Kind.TEXT, "哪个岗位都没有地址时放到哪里", "写渠道编号", "mail"),
        Key("channels", Kind.ROWS, "渠道", "", of="channel"),
        Key("routes", Kind.ROWS, "路由：谁的消息走哪个渠道", "", of="route"),
    ),
)
ROUTE = Table(
    "route",
    "路由 routes",
    (
        Key("units", Kind.TEXTS, "点名的单位", "units、groups、kinds 只写一种", ("龙湖镇",)),
        Key("groups", Kind.TEXTS, "单位组，或考核分组", "都不写就是所有单位", ()),
        Key("kinds", Kind.TEXTS, "单位性质", "如 township、enterprise", ()),
        Key("posts", Kind.TEXTS, "岗位", "不写就是所有岗位", ("liaison",)),
        Key("messages", Kind.TEXTS, "哪种消息", "day 日常、urgent 加急、digest 周报", ("urgent",)),
        Key("channel", Kind.TEXT, "走哪个渠道", "在岗人没有这个渠道的写法时不照办", "mail"),
        Key("copy", Kind.TEXT, "同时抄送到哪个群", "群里不带个人链接；`无` 表示不抄送", "无"),
        Key("fallback", Kind.TEXT, "备用渠道", "代替渠道自己的 fallback", ""),
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
        Key(
            "urgent_any_time",
            Kind.FLAG,
            "加急通知是否随时发",
            "默认否：加急的也只在工作时段发",
            "否",
        ),
        Key("link_days", Kind.INTEGER, "个人链接的有效天数", "默认 45", "45", least=1),
        Key(
            "extensions_at_most",
            Kind.INTEGER,
            "一件事项最多延期几次",
            "默认 1；写 0 则不接受延期申请",
            "1",
            least=0,
        ),
        Key(
            "extension_needs_office",
            Kind.FLAG,
            "延期是否须办公室同意",
            "默认是：答复以前原时限不变，照常提醒；写否则一经申请即生效",
            "是",
        ),
        Key(
            "clerks",
            Kind.TEXTS,
            "可在网页上署名的经办人",
            "空着则可填任何姓名；正式启用时应列出",
            "[经办人甲, 经办人乙]",
        ),
        Key(
            "hosts",
            Kind.TEXTS,
            "网页应答哪些主机名",
            "空着不限；写了就只应答这些、public_url 的主机名和本机，别的一律拒绝",
            ("duban.xinzheng.example",),
        ),
        Key("sign_in", Kind.ROW, "办公室和领导怎么登录", "不写就用默认值", of="sign_in"),
        Key("mailbox", Kind.ROW, "收报送表的邮箱", "不写就不收", of="mailbox"),
        Key(
            "return_reasons",
            Kind.TEXTS,
            "审核页上可选的退回理由",
            "每行一条；不写用自带的几条",
            ("缺佐证材料，请补传。",),
        ),
        Key("evidence_scan", Kind.ROW, "附件查毒", "不写就不查", of="evidence_scan"),
        Key(
            "board",
            Kind.ROW,
            "看板：领导分管哪些单位、报送负担的限额",
            "不写就用默认值",
            of="board",
        ),
    ),
)
BOARD = Table(
    "board",
    "看板 board",
    (
        Key("portfolios", Kind.ROWS, "领导分管哪些单位", "看板先给他看这些", of="portfolio"),
        Key(
            "asks_per_month",
            Kind.INTEGER,
            "一个单位一个月要求报送几次以内",
            "默认 10；超过的在报送负担页上标明",
            "10",
            least=1,
        ),
        Key(
            "minutes_per_ask",
            Kind.INTEGER,
            "一次报送按几分钟估算",
            "默认 15；页面写明是估算",
            "15",
            least=1,
        ),
        Key(
            "minutes_per_month",
            Kind.INTEGER,
            "一个单位一个月几分钟以内",
            "默认 240；超过的标明",
            "240",
            least=1,
        ),
    ),
)
PORTFOLIO = Table(
    "portfolio",
    "分管 portfolios",
    (
        Key("leader", Kind.TEXT, "领导的账号名", "", "领导丙", required=True),
        Key("units", Kind.TEXTS, "分管的单位或单位组", "写名录里的名称", ("龙湖镇",)),
    ),
)
EVIDENCE_SCAN = Table(
    "evidence_scan",
    "附件查毒 evidence_scan",
    (
        Key(
            "command",
            Kind.TEXTS,
            "查毒程序和参数",
            "文件路径接在最后；退出码 0 干净、1 有毒，其他都算没查成，附件不收",
            ("clamdscan", "--no-summary", "--fdpass"),
            required=True,
        ),
        Key("seconds", Kind.INTEGER, "最多等几秒", "默认 60", "60", least=1),
        Key(
            "found",
            Kind.CHOICE,
            "查出来怎么办",
            "",
            "refuse",
            words=(("refuse", "拒收（默认）"), ("quarantine", "拒收并留在 var/quarantine")),
        ),
    ),
)
MAILBOX = Table(
    "mailbox",
    "收件邮箱 mailbox",
    (
        Key(
            "url",
            Kind.TEXT,
            "邮箱地址",
            "`imaps://账号@服务器`，或本机邮件夹 `maildir:///路径`；口令放环境变量 DUBAN_MAILBOX_PASSWORD；空着不收",
            "imaps://duban@mail.xinzheng.example",
        ),
        Key("folder", Kind.TEXT, "收哪个文件夹", "默认收件箱", "INBOX"),
        Key("ca", Kind.TEXT, "内网自建证书的文件", "不写就用系统信任的证书", ""),
        Key("max_mb", Kind.INTEGER, "一封邮件最多多少 MB", "默认 20", "20", least=1),
        Key("max_mails", Kind.INTEGER, "一次最多收几封", "默认 50，其余下次接着收", "50", least=1),
        Key("first_days", Kind.INTEGER, "第一次往前收几天", "默认 7，更早的不收", "7", least=1),
        Key(
            "refuse_auth_fail",
            Kind.FLAG,
            "邮件服务器验出发件人不实的，是否不收",
            "看 Authentication-Results，默认是",
            "是",
        ),
        Key(
            "answer_strangers",
            Kind.FLAG,
            "不在通讯录里的发件人，是否回信说明",
            "默认是，每个地址每天最多一封",
            "是",
        ),
    ),
)
SIGN_IN = Table(
    "sign_in",
    "登录 sign_in",
    (
        Key("idle_minutes", Kind.INTEGER, "多少分钟不用就退出", "默认 120", "120", least=5),
        Key("absolute_hours", Kind.INTEGER, "登录后最多保持几小时", "默认 12", "12", least=1),
        Key(
            "office_key",
            Kind.CHOICE,
            "办公室钥匙什么时候能用",
            "",
            "until_admin",
            words=(
                ("until_admin", "有了管理员账号就不能用（默认）"),
                ("always", "一直能用"),
                ("never", "从不"),
            ),
        ),
        Key(
            "second_factor",
            Kind.CHOICE,
            "谁必须用动态口令",
            "",
            "admins",
            words=(("optional", "自愿（默认）"), ("admins", "管理员必须"), ("all", "人人必须")),
        ),
        Key("oidc", Kind.ROW, "统一身份认证", "要先安装 duban[oidc]；账号须已建好", of="oidc"),
    ),
)
OIDC = Table(
    "oidc",
    "统一身份认证 oidc",
    (
        Key(
            "issuer",
            Kind.TEXT,
            "认证服务的 issuer",
            "以 https:// 开头",
            "https://sso.county.example",
            required=True,
        ),
        Key("client_id", Kind.TEXT, "在认证服务登记的编号", "", "duban", required=True),
        Key(
            "client_secret",
            Kind.TEXT,
            "密钥的出处",
            "只写 `${env:变量名}` 或 `${file:文件}`",
            "${env:DUBAN_OIDC_SECRET}",
            required=True,
        ),
        Key(
            "name_claim",
            Kind.TEXT,
            "用哪一项对上账号",
            "默认 `preferred_username`",
            "preferred_username",
        ),
        Key("label", Kind.TEXT, "按钮上的字", "默认“统一身份认证”", "统一身份认证"),
    ),
)

CONFIG = (
    CALENDAR,
    YEAR,
    REMINDERS,
    LADDER,
    LADDER_FOR,
    RUNG,
    *LADDER_TABLES,
    CHANNELS,
    CHANNEL,
    ROUTE,
    DUBAN,
    MAILBOX,
    SIGN_IN,
    OIDC,
    EVIDENCE_SCAN,
    BOARD,
    PORTFOLIO,
    *PAPER_TABLES,
)
