"""The keys of plan.yaml, of the task files and of units.yaml."""

from __future__ import annotations

from duban.matrix.schema_keys import POST_WORDS, Free, Key, Kind, Table

SOURCE_WORDS = (
    ("own", "正式文件（默认）"),
    ("seed", "起草说明明文"),
    ("example", "示例，不得据此派活"),
)
EVERY_WORDS = (
    ("week", "每周"),
    ("month", "每月"),
    ("quarter", "每季度"),
    ("half", "每半年"),
    ("year", "每年"),
)
KIND_WORDS = (
    ("bureau", "政府部门"),
    ("party", "党群部门"),
    ("court", "法院、检察院"),
    ("township", "乡镇"),
    ("street", "街道"),
    ("committee", "管委会"),
    ("vertical", "垂直管理单位"),
    ("institution", "事业单位：只请其提供情况，不督办、不考核"),
    ("enterprise", "企业：只请其提供情况，不督办、不考核"),
)
_YEARS = Free(r"^\d{4}$", Kind.DECIMAL, "那一年的目标", ("2026", "40"))

PLAN = Table(
    "plan",
    "方案框架 plan.yaml",
    (
        Key("id", Kind.TEXT, "方案编号", "与文件夹同名", "xinzheng-ip-pilot", required=True),
        Key(
            "title",
            Kind.TEXT,
            "方案名称",
            "照文件标题",
            "新郑市国家知识产权强县建设试点县建设工作方案",
            required=True,
        ),
        Key("doc_no", Kind.TEXT, "文号", "没有就空着，任务分工表上印“（草案）”", "新政〔2024〕1号"),
        Key("issuer", Kind.TEXT, "印发单位", "单位名或原话", "新郑市人民政府", required=True),
        Key("office", Kind.TEXT, "运行本系统的办公室", "单位名或简称", "市市场监管局"),
        Key("term", Kind.ROW, "起止日期", required=True, of="term"),
        Key(
            "year",
            Kind.INTEGER,
            "原话里没写年份时按哪一年理解",
            "不写＝开始那一年；文件是哪年发的就写哪年",
            "2024",
        ),
        Key(
            "in_use_from",
            Kind.DAY,
            "从哪天起用系统催办",
            "空着＝第一次 `apply` 那天。以前到期的只留档，不催",
            "2026-11-22",
        ),
        Key("anchors", Kind.ROWS, "起算点：“自批复之日起”里的“批复”", of="anchor"),
        Key(
            "legal_basis",
            Kind.TEXTS,
            "制定依据",
            "一行一件",
            ("《知识产权强国建设纲要（2021—2035年）》",),
        ),
        Key("goals", Kind.ROWS, "工作目标", of="item"),
        Key("areas", Kind.ROWS, "重点工作", of="item"),
        Key("safeguards", Kind.ROWS, "保障措施", of="item"),
        Key("glossary", Kind.ROWS, "名词解释", of="word"),
        Key("contact", Kind.ROW, "联系方式", of="contact"),
        Key("scope", Kind.TEXT, "适用范围", "照文件原话", "全市各乡镇、街道管委会，有关市直局委。"),
        Key("facts", Kind.ROWS, "不作指标的基期情况", of="item"),
        Key("indicators", Kind.ROWS, "指标", "见下", of="indicator"),
    ),
)
TERM = Table(
    "term",
    "方案起止 term",
    (
        Key("from", Kind.DAY, "开始日期", "", "2024-01-01", required=True),
        Key("to", Kind.DAY, "结束日期", "不早于开始日期", "2026-12-31", required=True),
    ),
)
ANCHOR = Table(
    "anchor",
    "起算点 anchors",
    (
        Key("id", Kind.TEXT, "编号", "小写字母", "approved", required=True),
        Key("name", Kind.TEXT, "名称", "时限原话里的叫法", "批复"),
        Key("aliases", Kind.TEXTS, "别的叫法", "", ("批复之日", "获批")),
        Key("on", Kind.DAY, "日期", "空着＝未起算，不算逾期；知道了再填", "2024-01-03"),
    ),
)
ITEM = Table(
    "item",
    "目标、重点工作、保障措施、基期情况",
    (
        Key("id", Kind.TEXT, "编号", "任务里用它指明", "g1", required=True),
        Key("name", Kind.TEXT, "名称", "表格和页面上显示", "创造能力", required=True),
        Key("text", Kind.TEXT, "原文", "", "知识产权创造能力显著增强"),
    ),
)
WORD = Table(
    "word",
    "名词解释 glossary",
    (
        Key("term", Kind.TEXT, "名词", "", "专利开放许可", required=True),
        Key(
            "text",
            Kind.TEXT,
            "解释",
            "",
            "权利人自愿声明，任何人都可以按公告的条件实施该专利。",
            required=True,
        ),
    ),
)
CONTACT = Table(
    "contact",
    "联系方式 contact",
    (),
    Free(
        "^.+$",
        Kind.TEXT,
        "如 `unit` 单位、`section` 科室、`phone` 电话（电话加引号）",
        ("unit", "新郑市市场监督管理局"),
    ),
)
INDICATOR = Table(
    "indicator",
    "指标 indicators",
    (
        Key("id", Kind.TEXT, "编号", "小写字母和短横，不重复", "entities-served", required=True),
        Key("name", Kind.TEXT, "名称", "", "商标品牌指导服务市场主体数", required=True),
        Key("unit", Kind.TEXT, "计量单位", '百分比写 `"%"`', "家"),
        Key(
            "direction",
            Kind.CHOICE,
            "方向",
            "",
            "normal",
            words=(("normal", "越多越好（默认）"), ("reverse", "越少越好，目标即“不高于”")),
        ),
        Key(
            "measure",
            Kind.CHOICE,
            "怎样计数",
            "弄错了，一到年初数就对不上",
            "flow",
            required=True,
            words=(("stock", "期末存量"), ("flow", "当期发生量"), ("cumulative", "从头累计")),
        ),
        Key("binding", Kind.FLAG, "是否约束性", "`是` 约束性；`否` 预期性（默认）", "否"),
        Key(
            "comparator",
            Kind.CHOICE,
            "怎样算达到",
            "",
            "ge",
            words=(
                ("ge", "达到即可（默认）"),
                ("about", "左右"),
                ("range", "区间"),
                ("relative", "相对值"),
            ),
        ),
        Key("baseline", Kind.DECIMAL, "基期数", "没有公开数就空着", "20"),
        Key("baseline_on", Kind.DAY, "基期日期", "", "2023-12-31"),
        Key(
            "source",
            Kind.CHOICE,
            "来历",
            "同任务：目标是拟写的就标 `example`",
            "example",
            words=SOURCE_WORDS,
        ),
        Key(
            "targets",
            Kind.ROW,
            "每年目标",
            "如 `{2024: 520, 2025: 650}`；不下目标写 `{}`",
            of="yearly",
        ),
        Key(
            "unit_targets",
            Kind.ROWS,
            "分到各单位的目标",
            "**各单位之和须等于全市目标**",
            of="unit_target",
        ),
    ),
)
YEARLY = Table("yearly", "每年目标 targets", (), _YEARS)
UNIT_TARGET = Table(
    "unit_target",
    "各单位目标 unit_targets",
    (Key("unit", Kind.TEXTS, "单位", "单位名、简称或组名", ("龙湖镇",)),),
    _YEARS,
)

TASKS = Table(
    "tasks",
    "任务文件",
    (
        Key("area", Kind.TEXT, "本文件任务的重点工作或保障措施", "编号见 `plan.yaml`", "g1"),
        Key("tasks", Kind.ROWS, "任务", "一条一项", of="task"),
    ),
)
TASK = Table(
    "task",
    "任务 tasks",
    (
        Key(
            "id",
            Kind.TEXT,
            "编号",
            "启用后不改、不删、不给别的任务再用；改名改时限都认这个号",
            "P-21",
            required=True,
        ),
        Key(
            "area",
            Kind.TEXT,
            "所属重点工作或保障措施",
            "文件开头写一次即可；个别任务不同的，在任务里再写",
            "g1",
        ),
        Key(
            "title",
            Kind.TEXT,
            "任务名称",
            "一句话，以动词开头更清楚",
            "健全知识产权行刑衔接机制",
            required=True,
        ),
        Key("text", Kind.TEXT, "具体内容", "文件原文或要求", "明确案件移送标准、会商办法。"),
        Key("clause", Kind.TEXT, "在方案里的出处", "如 `重点工作三（二）`", "重点工作三（二）"),
        Key("source", Kind.CHOICE, "来历", "", "own", words=SOURCE_WORDS),
        Key("goals", Kind.TEXTS, "服务于哪些目标", "目标编号，见 `plan.yaml`", ("g1",)),
        Key(
            "lead",
            Kind.TEXTS,
            "牵头单位",
            "可以几家，**第一家是汇总单位**",
            ("市市场监管局", "市公安局"),
            required=True,
        ),
        Key(
            "joint",
            Kind.FLAG,
            "几家是否各负各的责（按职责分工负责）",
            "`是`：每家都要办结；`否`（默认）：由汇总单位办结",
            "是",
        ),
        Key(
            "support",
            Kind.TEXTS,
            "配合单位",
            "单位名、简称、组名都行；没有就写 `[无]` 或不写。不要把牵头单位再写一遍",
            ("各乡镇街道",),
        ),
        Key(
            "responsibility",
            Kind.TEXT,
            "责任分工原话",
            "照文件抄，导出任务分工表时原样用",
            "市市场监管局、市公安局按职责分工负责，各乡镇街道配合",
        ),
        Key(
            "deliverable",
            Kind.TEXT,
            "完成到什么样算完",
            "考核要点，越具体越好",
            "行刑衔接工作办法；移送案件台账",
        ),
        Key(
            "evidence",
            Kind.TEXTS,
            "要哪些佐证",
            "列清单；只要结果材料，不要照片打卡、台账套台账",
            ("工作办法", "会商纪要"),
        ),
        Key(
            "deadline",
            Kind.TEXT,
            "完成时限",
            "**照文件原话写**，见第四节",
            "2026年6月底前完成，之后常态化推进",
            required=True,
        ),
        Key(
            "anchor",
            Kind.TEXT,
            "从哪个起算点算起",
            "只在原话里看不出起算点时写，编号见 `plan.yaml` 的 `anchors`",
            "approved",
        ),
        Key(
            "kind",
            Kind.CHOICE,
            "时限有多硬",
            "",
            "planned",
            words=(
                ("planned", "计划时限（默认）"),
                ("internal", "内部要求"),
                ("hard", "上级或法定硬时限"),
            ),
        ),
        Key(
            "milestones", Kind.ROWS, "中间节点", "每个有 `id`、`title`、`deadline`", of="milestone"
        ),
        Key("report", Kind.ROW, "定期报送", "见第五节；不写＝只在到期时报一次", of="report"),
        Key(
            "indicators",
            Kind.TEXTS,
            "对应的指标",
            "指标编号；**一个指标只挂一项任务**，同一个数不问两遍",
            ("entities-served",),
        ),
        Key("weight", Kind.DECIMAL, "权重", "大于 0 的数，默认 1", "3"),
        Key("urgent", Kind.FLAG, "是否急件", "急件单独提醒，少用", "否"),
        Key(
            "reminders",
            Kind.TEXT,
            "按哪一套梯级提醒",
            "写 `config/reminders.yaml` 里的编号；不写＝按规则选",
            "hard",
        ),
        Key(
            "replaces",
            Kind.TEXTS,
            "代替了哪些任务（合并、拆分）",
            "写旧任务的编号；旧任务留着，写上 `withdrawn`",
        ),
        Key(
            "withdrawn",
            Kind.DAY,
            "取消日期",
            "任务取消不要删行，写上取消日期，以前的记录才查得到",
            "2026-05-31",
        ),
    ),
)
MILESTONE = Table(
    "milestone",
    "节点 milestones",
    (
        Key("id", Kind.TEXT, "编号", "本任务内不重复", "a", required=True),
        Key("title", Kind.TEXT, "要做到什么", "", "形成征求意见稿", required=True),
        Key("deadline", Kind.TEXT, "节点时限", "照原话写", "2026年3月31日前", required=True),
    ),
)
REPORT = Table(
    "report",
    "报送 report",
    (
        Key("every", Kind.CHOICE, "多久一次", "须与 `due` 一致", "quarter", words=EVERY_WORDS),
        Key(
            "due",
            Kind.TEXT,
            "每期什么时候前报",
            "写原话；可带时刻，如 `每月25日上午10时前`",
            "每季度最后一个月25日前",
            required=True,
        ),
        Key(
            "by",
            Kind.TEXTS,
            "谁报",
            "不写＝汇总单位；`lead` 牵头单位每家都报；`support` 配合单位报；`all` 都报；或列出单位、组名",
            ("各乡镇街道",),
        ),
        Key(
            "summary",
            Kind.TEXT,
            "汇总单位在大家报完之后再报汇总的时间",
            "**要晚于 `due`**",
            "每季度最后一个月28日前",
        ),
    ),
)

UNITS = Table(
    "units",
    "单位和单位组 units.yaml",
    (
        Key("units", Kind.ROWS, "单位", "一家一条", of="unit"),
        Key("groups", Kind.ROWS, "单位组", "任务里写组名，就等于把组里的单位都写上", of="group"),
    ),
)
UNIT = Table(
    "unit",
    "单位 units",
    (
        Key("id", Kind.TEXT, "编号", "小写字母、数字、短横；启用后不改", "scjgj", required=True),
        Key("name", Kind.TEXT, "规范全称", "", "新郑市市场监督管理局", required=True),
        Key("short", Kind.TEXT, "简称", "页面和表里用；不写＝全称", "市市场监管局"),
        Key("second_name", Kind.TEXT, "另一块牌子", "没有就不写", "新郑市知识产权局"),
        Key("aliases", Kind.TEXTS, "别的叫法、旧名", "一个叫法只能归一家", ("市知识产权局",)),
        Key("kind", Kind.CHOICE, "单位性质", "", "bureau", required=True, words=KIND_WORDS),
        Key("group", Kind.TEXT, "考核分组", "同组的一起排名", "市直部门", required=True),
        Key("parent", Kind.TEXT, "上级或主管单位", "单位编号，可不写", "zfb"),
        Key("posts", Kind.ROW, "岗位", "", of="posts"),
        Key("joined", Kind.DAY, "加入日期", "中途加入的才写，从这天起承担任务", "2025-03-01"),
        Key("left", Kind.DAY, "退出日期", "撤并的写", "2026-12-31"),
    ),
)
POSTS = Table(
    "posts",
    "岗位 posts",
    tuple(
        Key(post, Kind.ROWS, told, "放在市政府办公室名下" if post == "county" else "", of="holder")
        for post, told in POST_WORDS
    ),
)
HOLDER = Table(
    "holder",
    "在岗人",
    (
        Key("name", Kind.TEXT, "姓名", "", "联络员（待填）"),
        Key(
            "address",
            Kind.TEXT,
            "公务邮箱或渠道名",
            "空着：通知转给下一个岗位",
            "scjgj.lianluo@xinzheng.example",
        ),
        Key("since", Kind.DAY, "从哪天起在岗", "换人时写", "2026-11-01"),
        Key("until", Kind.DAY, "到哪天为止", "换人时写，不早于 since", "2026-12-31"),
    ),
)
GROUP = Table(
    "group",
    "单位组 groups",
    (
        Key("name", Kind.TEXT, "组名", "任务里用的叫法", "各乡镇街道", required=True),
        Key("aliases", Kind.TEXTS, "别的叫法", "", ("各乡镇（街道）", "各乡镇、街道")),
        Key("members", Kind.TEXTS, "成员", "单位编号或名称", ("longhu", "xinjianlu")),
    ),
)

MATRIX = (
    PLAN,
    TERM,
    ANCHOR,
    ITEM,
    WORD,
    CONTACT,
    INDICATOR,
    YEARLY,
    UNIT_TARGET,
    TASKS,
    TASK,
    MILESTONE,
    REPORT,
    UNITS,
    UNIT,
    POSTS,
    HOLDER,
    GROUP,
)
