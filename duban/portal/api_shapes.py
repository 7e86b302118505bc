"""What the API answers, as it stands in the OpenAPI document. Names are kept within v1."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

EXAMPLE_KEY = "A-1/longhu/report:2026-11"
EXAMPLE_SUBMISSION = f"{EXAMPLE_KEY}#1"
_SHA256 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


class _Out(BaseModel):
    """What we answer."""

    model_config = ConfigDict(extra="forbid")


def example(**values: Any) -> ConfigDict:
    """The settings of a shape with an example in the document."""
    return ConfigDict(json_schema_extra={"examples": [values]})


# ---- refusals ----------------------------------------------------------------------------------


class FieldError(_Out):
    """一处填写有误。"""

    field: str = Field(description="字段名，如 percent、figures.mediated；空为整份内容")
    message: str = Field(description="哪里不对")
    way_out: str = Field(description="怎么改")


class Problem(BaseModel):
    """办不成时的回答（RFC 9457，application/problem+json）。"""

    model_config = example(
        type="urn:duban:problem:invalid",
        title="填写有误，没有接收",
        status=422,
        detail="percent：应不大于100。",
        way_out="按 errors 逐项改好再发。",
        errors=[{"field": "percent", "message": "应不大于100。", "way_out": "改正后再发。"}],
    )
    type: str = Field(description="urn:duban:problem: 加一个固定的词，供程序判断")
    title: str = Field(description="一句话")
    status: int = Field(description="同 HTTP 状态码", ge=400, le=599)
    detail: str = Field(description="这一次的原因")
    way_out: str = Field(description="办法")
    errors: list[FieldError] = Field(description="逐项的错；没有时为空")


# ---- items -------------------------------------------------------------------------------------


class Item(_Out):
    """一项应办事项现在怎样。逾期、灯色按 as_of 算出，不入库。"""

    model_config = example(
        key=EXAMPLE_KEY, task="A-1", title="纠纷人民调解", label="2026年11月", unit="longhu", unit_name="龙湖镇",
        kind="report", role="part", state="active", state_name="进行中", lamp="green", lamp_name="绿灯",
        words="还剩2个工作日", overdue=False, days_overdue=0, due_on="2026-11-25",
        due_at="2026-11-25T23:59:59+08:00", original_due_on="2026-11-25", provisional=False, percent=None,
        acknowledged=False, extended=0, returned=0, submission=None,
    )  # fmt: skip
    key: str = Field(description="应办编号：任务/单位/种类:时期")
    task: str = Field(description="任务编号")
    title: str = Field(description="任务")
    label: str = Field(description="时期或节点")
    unit: str = Field(description="单位编号")
    unit_name: str = Field(description="单位简称")
    kind: str = Field(
        description="finish 办结 · milestone 节点 · report 定期报送 · summary 汇总报送"
    )
    role: str = Field(description="lead 牵头 · joint 共同牵头 · part/support 配合")
    state: str = Field(description="状态，如 waiting、active、submitted、closed")
    state_name: str = Field(description="状态的中文")
    lamp: str = Field(description="灯色")
    lamp_name: str = Field(description="灯的名称")
    words: str = Field(description="还剩几天、逾期几天")
    overdue: bool = Field(description="是否逾期")
    days_overdue: int = Field(description="逾期天数（日历日）")
    due_on: date | None = Field(description="时限；未起算为 null")
    due_at: datetime | None = Field(description="时限的最后一刻")
    original_due_on: date | None = Field(description="原时限（延期、退回不改它）")
    provisional: bool = Field(description="时限是否暂定（节假日安排未公布）")
    percent: int | None = Field(description="最近一次报的累计进度")
    acknowledged: bool = Field(description="是否已签收")
    extended: int = Field(description="延期次数")
    returned: int = Field(description="退回次数")
    submission: str | None = Field(description="最近一份报送的编号")


class ItemPage(_Out):
    """一页应办事项。"""

    as_of: datetime = Field(description="按哪一刻算的")
    items: list[Item]
    next: str | None = Field(description="下一页的 cursor；没有下一页为 null")


class Asked(_Out):
    """这一项要报的一个指标。"""

    indicator: str = Field(description="指标编号，即 figures 里的名称", examples=["mediated"])
    name: str
    unit: str = Field(description="计量单位")
    target: str | None = Field(description="当年目标（十进制数，文字）")
    last: str | None = Field(description="上次报的数")
    last_at: datetime | None


class File(_Out):
    """一份佐证材料。"""

    id: str = Field(
        description="附件编号，下载用", examples=[f"{EXAMPLE_SUBMISSION}:6b86b273ff34fce1"]
    )
    name: str
    media_type: str
    size: int = Field(description="字节")
    sha256: str


class Submission(_Out):
    """一份报送。"""

    model_config = example(
        id=EXAMPLE_SUBMISSION, key=EXAMPLE_KEY, unit="longhu", version=1, received_at="2026-11-23T09:00:00+08:00",
        stated_on=None, late=False, nil=False, progress="调解3件。", problem="", next_step="", percent=None,
        figures={"mediated": "3"}, signed_by="", door="api", state="pending", reviewed_at=None,
        review_reason="", files=[],
    )  # fmt: skip
    id: str = Field(description="报送编号：应办编号#第几版")
    key: str = Field(description="应办编号")
    unit: str
    version: int
    received_at: datetime = Field(description="收到的时间，系统记的")
    stated_on: date | None = Field(description="单位填的完成日期")
    late: bool = Field(description="是否迟报")
    nil: bool = Field(description="是否零报告（无变化）")
    progress: str
    problem: str
    next_step: str
    percent: int | None
    figures: dict[str, str] = Field(description="指标编号到数（十进制数，文字）")
    signed_by: str = Field(description="审签人")
    door: str = Field(
        description="从哪里报的：link 网页、workbook 报送表、mail 邮箱、api 接口、cli 命令行"
    )
    state: str = Field(description="pending 待审核 · accepted 已通过 · returned 已退回")
    reviewed_at: datetime | None
    review_reason: str
    files: list[File]


class SubmissionPage(_Out):
    """一页报送，先到的在前。"""

    submissions: list[Submission]
    next: str | None = Field(description="下一页的 cursor；没有下一页为 null")


class Asking(_Out):
    """向办公室提出的一份申请。办公室答复前，原时限不变。"""

    model_config = example(
        request=f"{EXAMPLE_KEY}?1", key=EXAMPLE_KEY, kind="extension", kind_name="延期", words="延期至2026-12-10", state="waiting",
        state_name="待答复", asked_at="2026-11-23T09:00:00+08:00", reason="等省里批复", progress="材料已上报",
        decided_at=None, decision_reason="", due_on="2026-11-25", original_due_on="2026-11-25",
    )  # fmt: skip
    request: str = Field(description="申请编号")
    key: str = Field(description="应办编号")
    kind: str = Field(description="extension 延期；网页上还能申请暂缓、调整、取消、合并、拆分")
    kind_name: str
    words: str = Field(description="申请什么，一句话")
    state: str = Field(
        description="waiting 待答复 · granted 已同意 · refused 未同意 · withdrawn 已撤回"
    )
    state_name: str
    asked_at: datetime
    reason: str
    progress: str
    decided_at: datetime | None = Field(description="办公室答复的时间")
    decision_reason: str = Field(description="办公室的意见")
    due_on: date | None = Field(description="现在的时限")
    original_due_on: date | None = Field(description="原时限")


class Happened(_Out):
    """台账里的一条记录。"""

    seq: int = Field(description="记录序号")
    kind: str
    name: str = Field(description="中文名称")
    occurred_at: datetime = Field(description="发生的时间")
    recorded_at: datetime = Field(description="入账的时间")
    actor: str = Field(description="经办")
    why: str = Field(description="理由")


class ItemFull(Item):
    """一项应办事项，连同要报的指标、历次报送和办理经过。"""

    model_config = ConfigDict(json_schema_extra=None)  # the shorter shape's example is not ours
    needs_percent: bool = Field(description="报送时是否必须写进度")
    may_extend: bool = Field(description="现在还能不能申请延期")
    asked: list[Asked]
    submissions: list[Submission] = Field(description="历次报送，新的在前")
    requests: list[Asking] = Field(description="延期等申请，新的在前")
    history: list[Happened] = Field(description="办理经过，早的在前")


# ---- reports -----------------------------------------------------------------------------------


class Receipt(_Out):
    """回执。同一提交编号再发一次，回答与第一次相同。"""

    model_config = example(
        submission=EXAMPLE_SUBMISSION, key=EXAMPLE_KEY, version=1, received_at="2026-11-23T09:00:00+08:00", late=False,
        nil=False, files=[],
    )  # fmt: skip
    submission: str = Field(description="报送编号")
    key: str = Field(description="应办编号")
    version: int = Field(description="第几版")
    received_at: datetime = Field(description="收到的时间")
    late: bool = Field(description="是否迟报")
    nil: bool
    files: list[File]


class Upload(_Out):
    """收到的一份佐证材料，还没有报送。"""

    model_config = example(
        evidence="gAAAAABn…", name="会议纪要.pdf", media_type="application/pdf", size=15, sha256=_SHA256,
        until="2026-11-24T09:00:00+08:00",
    )  # fmt: skip
    evidence: str = Field(description="写进报送的 evidence；只有本单位的凭证能用")
    name: str
    media_type: str
    size: int = Field(description="字节")
    sha256: str
    until: datetime = Field(description="在此之前报送有效")


class Acknowledged(_Out):
    """已签收。"""

    model_config = example(key=EXAMPLE_KEY, acknowledged_at="2026-11-23T09:00:00+08:00")
    key: str
    acknowledged_at: datetime = Field(description="第一次签收的时间")


class Reviewed(_Out):
    """审核结果。"""

    model_config = example(
        submission=EXAMPLE_SUBMISSION, key=EXAMPLE_KEY, state="returned", reviewer="审核乙",
        reviewed_at="2026-11-23T09:00:00+08:00", review_reason="请补调解台账",
    )  # fmt: skip
    submission: str
    key: str
    state: str
    reviewer: str = Field(description="署名：凭证所用的账号")
    reviewed_at: datetime
    review_reason: str


# ---- what was said -----------------------------------------------------------------------------


class Message(_Out):
    """一条消息。不含收件地址和个人链接。"""

    id: str
    kind: str
    unit: str
    post: str
    channel: str
    subject: str
    text: str
    state: str
    created_at: datetime
    settled_at: datetime | None
    detail: str


class MessagePage(_Out):
    """一页消息，早写的在前。"""

    messages: list[Message]
    next: str | None = Field(description="下一页的 cursor；没有下一页为 null")


class Notice(_Out):
    """一次提醒或没有提醒，和理由。"""

    obligation: str
    task: str
    title: str
    label: str
    rung: str
    post: str
    kind: str
    moment: datetime = Field(description="到这一级的时间")
    decided_at: datetime
    code: str = Field(description="结果，如 sent、waiting、silenced")
    result: str = Field(description="结果的中文")
    reason: str
    message: str | None


class Unsaid(_Out):
    """没有提到的事项，和为什么。"""

    obligation: str
    task: str
    label: str
    code: str
    reason: str
    next_on: date | None = Field(description="下一次提醒在哪天")


class Why(_Out):
    """某天为什么提醒或不提醒一个单位。"""

    unit: str
    date: date
    mode: str = Field(description="record 台账所记 · plan 当天还没有运行，按现有台账预演")
    day: str = Field(description="这一天的说明")
    notices: list[Notice]
    unsaid: list[Unsaid]


# ---- how it stands -----------------------------------------------------------------------------


class Me(_Out):
    """这个凭证是谁的，能做什么。"""

    model_config = example(
        name="OA系统", unit="longhu", account=None, scopes=["read", "submit"],
        expires_at="2027-05-22T09:00:00+08:00",
    )  # fmt: skip
    name: str
    unit: str | None = Field(description="单位编号；办公室的凭证为 null")
    account: str | None = Field(description="以谁的账号审核")
    scopes: list[str] = Field(description="read 查看 · submit 报送 · review 审核")
    expires_at: datetime


class PlanStatus(_Out):
    """方案和台账现状。"""

    as_of: datetime
    example: bool = Field(description="是否示例数据")
    plan: str = Field(description="方案编号")
    title: str
    year: int | None = Field(description="在用年度")
    applied_at: datetime | None = Field(description="最近一次写入台账；null 为还没有写入")
    in_use_from: date | None
    states: dict[str, int] = Field(description="各状态有几项")
    overdue: int
    to_review: int
    proposals: int = Field(description="待确认的督办建议")
    messages_in_trouble: int = Field(description="没有送达、要人处理的消息")
    ticks: dict[str, datetime] = Field(description="各流程最近一次运行的逻辑时间")


class Health(_Out):
    """是否正常。"""

    ok: bool
    now: datetime
    stale: list[str] = Field(description="太久没有运行的流程")


class Ready(_Out):
    """能不能接收请求。"""

    ready: bool
    now: datetime
