"""The check's rules as a code scanner shows them: for each code what is refused, and the way out."""

from __future__ import annotations

from collections.abc import Mapping

_UNIQUE = "编号从不重复使用，换一个新的。"
_LOOK_UP = "照 plan.yaml 里的编号改正，或先在 plan.yaml 里登记。"

FILE_RULES: Mapping[str, tuple[str, str]] = {
    "file-missing": ("找不到文件", "检查文件名和所在文件夹，或用 duban init 生成一套。"),
    "file-empty": ("文件是空的", "照 tasks_def/README.md 的样子填写，或删去此文件。"),
    "file-too-big": ("文件超过 5 MB", "拆成几个文件。"),
    "file-unreadable": ("文件读不出来", "检查文件权限。"),
    "encoding": ("文件不是 UTF-8 编码", "用编辑器“另存为”，编码选 UTF-8。"),
    "yaml-syntax": ("YAML 写法有误", "检查缩进是否只用空格、冒号后是否有空格、引号是否成对。"),
    "yaml-top": ("文件最外层不是“键: 值”", "第一行写成“键: 值”，列表写在键的下面。"),
    "yaml-key": ("键不是一个词", "检查冒号和缩进。"),
    "yaml-alias": ("用了锚点或别名", "把内容照写一遍；以 & 或 * 开头的文字请加引号。"),
    "yaml-tag": ("用了类型标记", "删去标记；以 ! 开头的文字请加引号。"),
    "yaml-depth": ("嵌套太深", "检查缩进。"),
    "yaml-documents": ("一个文件里有两份文档", "拆成两个文件。"),
    "duplicate-key": ("同一个键写了两次", "删去其中一个，以免漏看。"),
    "unknown-key": ("不认识的键", "按提示改正拼写，或删去这一行。"),
    "missing": ("缺少必填的键", "补上这个键。"),
    "not-text": ("应为文字", "写成“键: 文字”。"),
    "not-a-list": ("应为列表", "每项以“- ”开头。"),
    "not-a-map": ("应为“键: 值”", "每行一个“键: 值”，缩进两格。"),
    "not-a-choice": ("不在可选的词里", "改成提示里列出的词。"),
    "not-a-value": (
        "数、日期、时刻或是非写法不对",
        "数写 2，日期写 2026-11-22，时刻写 08:30，是非写“是”“否”。",
    ),
    "too-small": ("数太小", "改成不小于提示里的数。"),
}

MATRIX_RULES: Mapping[str, tuple[str, str]] = {
    "term": ("方案起止日期不全或颠倒", "写成 term: {from: 2024-01-01, to: 2026-12-31}。"),
    "no-tasks": ("没有任务文件", "在方案文件夹里写 1-….yaml。"),
    "id-twice": ("编号重复", _UNIQUE),
    "id-form": ("编号写法不对", "用字母、数字和“-”。"),
    "unknown-area": ("重点工作不存在", _LOOK_UP),
    "unknown-goal": ("工作目标不存在", _LOOK_UP),
    "unknown-indicator": ("指标不存在", _LOOK_UP),
    "unknown-anchor": (
        "起算点没有登记",
        "在 anchors 里登记（日期未定可留空），或用 anchor: 指明。",
    ),
    "anchor-open": ("起算点还没有日期", "日期确定后填进 plan.yaml 的 anchors。"),
    "no-lead": ("没有牵头单位", "补上 lead: [单位]。"),
    "lead-in-support": ("牵头单位又写在配合单位里", "从 support 里删去。"),
    "lead-kind": ("企业或事业单位牵头", "由其主管部门牵头，把它写进配合单位。"),
    "lead-contradicts": ("分工用语与牵头单位不一致", "以文件为准改正其中一处。"),
    "joint-unsaid": (
        "“按职责分工负责”没有写 joint",
        "几家都要办结就加 joint: 是；否则改分工用语。",
    ),
    "collective": ("笼统的单位说法展不开", "在 config/units.yaml 的 groups 里登记，或点名。"),
    "deadline-blank": ("没有完成时限", "补上 deadline；长期任务写“持续推进”。"),
    "deadline-unread": ("时限读不懂", "写成如“2026年6月30日前”；用 duban deadline 试读。"),
    "deadline-doubt": ("时限有两种读法", "改成写明日子的说法，如“2022年9月底前”。"),
    "deadline-term": ("时限不在方案期限内", "核对年份。"),
    "milestone-late": ("节点晚于任务时限", "改正其中一个时限。"),
    "weight": ("权重不大于 0", "写成如 weight: 2。"),
    "report-day": ("报送日不是按期重复的说法", "写成如“每季度最后一个月25日前”。"),
    "report-every": ("报送频次与报送日不一致", "让两处一致。"),
    "never-asked": ("长期任务没有报送要求", "加上 report，如每季度报送。"),
    "too-long": ("文字过长", "按提示缩短，细节写进 text。"),
    "no-clause": ("没有写依据方案的哪一条", "补上如 clause: 重点工作三（二）。"),
    "replaces-live": ("被取代的任务还在分工表里", "给旧任务写上 withdrawn，或去掉 replaces。"),
    "asked-twice": ("向同一单位重复要同一个数", "只在一个任务里要（国办函〔2026〕12号）。"),
    "targets-sum": ("分解目标合计不等于全市目标", "改正 unit_targets 或 targets。"),
    "yearly": ("年度目标写法不对", "写成“年份: 数”，如 2026: 30。"),
    "measure": ("指标名称与计数方式不合", "改 measure，或改指标名称。"),
}

UNIT_RULES: Mapping[str, tuple[str, str]] = {
    "unit-twice": ("单位编号重复", _UNIQUE),
    "name-twice": ("同一叫法指了两家", "改掉其中一个。"),
    "unknown-unit": ("单位不在名录里", "先在 config/units.yaml 里登记，或加进 aliases。"),
    "holder-dates": ("在岗日期颠倒", "改正 since 或 until。"),
    "nobody": ("单位没有可用的地址", "在 posts 里补上联络员和地址。"),
    "no-liaison": ("没有联络员地址", "补上联络员。"),
    "office-unit": ("办公室所在单位不在名录里", "改成 config/units.yaml 里的名称。"),
}

OFFICE_RULES: Mapping[str, tuple[str, str]] = {
    "calendar-year": ("工作日历的年份有误或缺年份", "照国务院办公厅通知补上或改正那一年。"),
    "calendar-day": (
        "工作日历的日子有误",
        "写成 2026-10-01，或 2026-10-01/2026-10-07；一天只写一次。",
    ),
    "calendar-empty": ("工作日历没有写放假日", "照通知补上 off；通知未印发时整段删去。"),
    "lamp-gap": ("灯色区间有空档", "从最急到最缓依次写，最后一档写 any。"),
    "lamp-order": ("灯色各档顺序不对", "按剩余工作日从小到大排列。"),
    "rungs": ("提醒梯级为空或编号重复", "每一级给一个不同的 id。"),
    "repeat-before": ("到期前的梯级不能重复", "写 after: 天数，或去掉 repeats。"),
    "post": ("不认识的岗位", "可用：liaison、section、deputy、head、county。"),
    "steps": ("督办梯级为空或编号重复", "每一级给一个不同的 id。"),
    "no-trigger": ("梯级没有触发条件", "写 overdue: 天数，或 misses_in_row: 次数。"),
    "severe-unconfirmed": ("通报、约谈、问责没有人确认", "加上 confirm: 是。"),
    "urgent-from": ("加急起步的梯级不存在", "写已有梯级的编号。"),
    "channel-id": ("渠道编号写法不对", "小写字母开头，只含小写字母、数字、下划线和短横。"),
    "channel-twice": ("渠道重复", "删去一个。"),
    "channel-unknown": ("渠道不存在", "改成 channels 里已有的渠道。"),
    "channel-url": ("渠道地址缺种类", "例如 dubanmail://smtp.单位.example。"),
    "channel-refused": ("不接受这种渠道", "按提示换一种渠道。"),
    "channel-reference": ("地址里的引用写法不对", "写成 ${env:变量名} 或 ${file:文件路径}。"),
    "channel-secret": (
        "口令写在了配置文件里",
        "换成 ${env:变量名} 或 ${file:文件路径}，并更换口令。",
    ),
    "channel-rate": ("限速写法不对", "写成 18/min、300/h 或 1/min per person。"),
    "channel-fallback": (
        "备用渠道不存在、写法不对或绕成圈",
        "写成“渠道 after 60m”，并且渠道已在 channels 里。",
    ),
    "channel-limit": ("字节数上限太小", "不少于 200；没有上限就删去。"),
}

SHEET_RULES: Mapping[str, tuple[str, str]] = {
    "trace-rule": ("按痕迹计分", "改为考核结果（国办函〔2026〕12号）。"),
    "valid-missing": ("细则没有施行日期", "补上 valid: {from: 2024-01-01, to: 2024-12-31}。"),
    "valid-order": ("施行日期颠倒", "检查 from 和 to。"),
    "two-rule-sheets": ("两份细则同日施行", "改其中一份的 valid。"),
    "no-rule-sheet": ("没有施行中的细则", "增加一份，valid 包含这一天。"),
    "total-missing": ("没有写总分的限度", "补上 total: {cap: 无, floor: 0, digits: 2}。"),
    "digits": ("总分小数位太多", "写 0 至 3。"),
    "limits-crossed": ("最低分大于最高分", "检查 floor 和 cap。"),
    "limit-missing": ("没有写明限度", "写上限度；没有限度写“无”。"),
    "categories-missing": ("没有写考核类别", "至少写一类。"),
    "category-twice": ("类别重复", "改 id 和 name。"),
    "rules-missing": ("没有写评分条款", "补上 rules。"),
    "rule-overlap": ("同一条款两个版本同时有效", "给旧版本写上 to。"),
    "rounding-missing": ("没有写明怎样取整", "补上 rounding: {to: 0.01, mode: half_up}。"),
    "rounding-step": ("取整的位数不对", "写成 0.1、0.01 或 0.001。"),
    "role-weight": ("牵头与配合的权重有误", "补上 role_weight: {lead: 1, support: 0.5}。"),
    "not-positive": ("应大于 0", "写成正数。"),
    "bands-missing": ("没有写分档", "补上 bands，每档一行。"),
    "bands-order": ("分档顺序不对", "按完成率从高到低排列。"),
    "band-percent": ("分档没有写百分号", "写成如 from: 90%。"),
    "band-open": ("最高一档不能写 rise_to", "在上面加一档，或改为 per_over。"),
    "rank-table": ("名次表顺序不对", "从第1名起、由前到后。"),
    "levels-missing": ("没有写各级别的分值", "补上 levels: {国家级: 3}。"),
    "range-missing": ("没有写评定范围", "补上 range: {from: 0, to: 10}。"),
    "range-order": ("评定范围颠倒", "对调 from 与 to。"),
    "sentence": ("得分说明的花括号写法有误", "花括号里只写一个名称；整句加引号。"),
    "sentence-name": ("得分说明里的名称没有内容", "改成提示里列出的名称。"),
    "ranking-missing": (
        "有等次没有排名",
        "补上 ranking: {by: group, ties: 1-1-3, compare: shown}。",
    ),
    "grades-order": ("等次分数线顺序不对", "从高到低、不重复。"),
    "grades-gap": ("最后一个等次带了条件", "末尾加一行不带条件的等次。"),
    "grades-open": ("中间的等次没有条件", "补上 from 或 ratio。"),
    "ratio": ("比例不在 0 到 100% 之间", "如 30%。"),
}

RULES: Mapping[str, tuple[str, str]] = {
    **FILE_RULES,
    **MATRIX_RULES,
    **UNIT_RULES,
    **OFFICE_RULES,
    **SHEET_RULES,
}
