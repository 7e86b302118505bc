"""What programs send to the API, as it stands in the OpenAPI document. Names are kept within v1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from duban.intake.evidence import MAX_FILES
from duban.intake.submission import SIGNER_CHARS
from duban.ledger.transitions import LIMITS
from duban.portal.api_shapes import EXAMPLE_KEY, EXAMPLE_SUBMISSION, example

DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,14})?$"
KEY_CHARS = 240
REASON_CHARS = 200
REVIEW_CHARS = 500

DayText = Annotated[str, Field(pattern=DAY, json_schema_extra={"format": "date"})]
KeyText = Annotated[str, Field(min_length=1, max_length=KEY_CHARS)]
NumberText = Annotated[str, StringConstraints(pattern=NUMBER)]


class _In(BaseModel):
    """What a program sends: nothing unknown, nothing guessed from another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ReportIn(_In):
    """一份报送。确无变化的写 nil；其余至少写 progress。"""

    model_config = example(key=EXAMPLE_KEY, progress="调解3件。", figures={"mediated": "3"})
    key: KeyText = Field(description="应办编号", examples=[EXAMPLE_KEY])
    progress: str = Field("", max_length=LIMITS["progress"], description="本期进展")
    problem: str = Field("", max_length=LIMITS["problem"], description="存在问题")
    next_step: str = Field("", max_length=LIMITS["next_step"], description="下一步打算")
    percent: int | None = Field(
        None, ge=0, le=100, description="累计进度；办结和节点必填，办结填 100"
    )
    reached: bool = Field(default=False, description="节点已完成、任务已办结：等于 percent 100")
    nil: bool = Field(default=False, description="无变化（零报告）；此时不报指标")
    figures: dict[str, NumberText] = Field(
        default_factory=dict,
        max_length=50,
        description='指标编号到数；数写成文字，如 "12.5"，不带单位',
        examples=[{"mediated": "3"}],
    )
    signed_by: str = Field("", max_length=SIGNER_CHARS, description="审签人")
    stated_on: DayText | None = Field(None, description="完成日期，不晚于今天")
    evidence: list[Annotated[str, Field(min_length=1, max_length=2000)]] = Field(
        default_factory=list,
        max_length=MAX_FILES,
        description="佐证材料：先上传，把回答里的 evidence 写在这里",
    )


class KeyIn(_In):
    """哪一项。"""

    model_config = example(key=EXAMPLE_KEY)
    key: KeyText = Field(description="应办编号")


class ExtensionIn(_In):
    """申请延期：时限之前，写明理由和目前进度。"""

    model_config = example(
        key=EXAMPLE_KEY, until="2026-12-10", reason="等省里批复", progress="材料已上报"
    )
    key: KeyText = Field(description="应办编号")
    until: DayText = Field(description="新时限")
    reason: str = Field(min_length=1, max_length=REASON_CHARS, description="理由")
    progress: str = Field(min_length=1, max_length=REASON_CHARS, description="目前进度")


class ReviewIn(_In):
    """审核一份报送。退回须写理由。"""

    model_config = example(submission=EXAMPLE_SUBMISSION, verdict="return", reason="请补调解台账")
    submission: KeyText = Field(description="报送编号", examples=[EXAMPLE_SUBMISSION])
    verdict: Literal["accept", "return"] = Field(description="accept 通过 · return 退回")
    reason: str = Field("", max_length=REVIEW_CHARS, description="意见；退回必填")
