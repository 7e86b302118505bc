"""Reads ``config/escalation.yaml`` and refuses ladders that nobody could climb fairly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from duban import preset
from duban.errors import Issues, Place
from duban.ladders import GRAVITY, PAPERS, EscalationPolicy, Ladder, Step, as_values
from duban.lamps import COLOUR_WORDS, COLOURS, LampPolicy
from duban.matrix.model import POSTS, DeadlineClass, Matrix, UnitKind
from duban.yamltext import Row, read_rows

DELIVERY_WAIT = 3
"""Working days (default) that a step waits for the preceding notice to arrive."""
KINDS = ("finish", "milestone", "report", "summary")
UNIT_KINDS = tuple(kind.value for kind in UnitKind)
CLASSES = tuple(each.value for each in DeadlineClass)
HOURS_A_DAY = 8
COUNTED = ("督办单", "督办函", "工作提示", "函")
"""Papers (default) that are counted for ``times_in_year``."""
_SUPERVISED = {kind.value for kind in UnitKind if kind.supervised}

Placed = tuple[Step, Row]


def load_escalation(path: Path, shown_as: str, issues: Issues) -> EscalationPolicy | None:
    """Read ``config/escalation.yaml``, or the preset that it names; mistakes go to ``issues``."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    named, found = preset.follow(row, "escalation.yaml", issues, load_escalation)
    if named:
        return found
    ladders = [*(_special(entry) for entry in row.rows("ladders")), _default(row)]
    title = row.text("title")
    wait = row.integer("delivery_wait", DELIVERY_WAIT, least=0)
    row.close()
    _check_for(ladders, issues)
    _check_ids(ladders, issues)
    plain = tuple(ladder for ladder, _, _ in ladders)
    version = _version(plain, wait, title)
    return EscalationPolicy(plain, wait, title, version, _places(ladders))


def _places(ladders: list[Written]) -> dict[str, Place]:
    """Where each step and each ``for`` was written, for what only shows beside other files."""
    found = {f"step:{step.id}": row.place for _, _, placed in ladders for step, row in placed}
    return found | {f"ladder:{ladder.id}": row.place_of("for") for ladder, row, _ in ladders}


def _version(ladders: tuple[Ladder, ...], wait: int, title: str) -> str:
    text = json.dumps(as_values(ladders, wait, title), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


Written = tuple[Ladder, Row, list[Placed]]


def _default(row: Row) -> Written:
    return _ladder(row, Ladder("default", "一般", ()))


def _special(row: Row) -> Written:
    target = row.row("for")
    meant = Ladder(row.text("id", required=True), row.text("name"), ())
    if target is not None:
        meant = replace(
            meant,
            units=_words(target, "unit_kind", UNIT_KINDS, "单位种类"),
            kinds=_words(target, "kind", KINDS, "应办事项种类"),
            classes=_words(target, "class", CLASSES, "时限种类"),
        )
        target.close()
    written = _ladder(row, meant)
    row.close()
    return written


def _ladder(row: Row, meant: Ladder) -> Written:
    placed = [_step(entry) for entry in row.rows("steps")]
    urgent_from = row.text("urgent_from")
    ids = [step.id for step, _ in placed]
    if len(ids) != len(set(ids)) or not ids:
        row.issues.error(
            "steps", row.place_of("steps"), "督办梯级为空，或编号重复。", "每一级给一个不同的 id。"
        )
    if urgent_from and urgent_from not in ids:
        row.issues.error(
            "urgent-from",
            row.place_of("urgent_from"),
            f"没有“{urgent_from}”这一级。",
            f"可选：{'、'.join(ids)}。",
        )
    _check_climb(placed, row.issues)
    steps = tuple(step for step, _ in placed)
    return replace(meant, steps=steps, urgent_from=urgent_from), row, placed


# ---- one step ------------------------------------------------------------------------------------


def _number(row: Row, key: str, least: int) -> int | None:
    """A number that may be left out."""
    value = row.integer(key, least, least=least)
    return value if row.has(key) else None


def _step(row: Row) -> Placed:
    before, overdue = _number(row, "before", 1), _number(row, "overdue", 1)
    hours, days = _number(row, "timeout_hours", 1), _number(row, "timeout_days", 1)
    step = Step(
        id=row.text("id", required=True),
        name=row.text("name", required=True),
        to=_words(row, "to", POSTS, "岗位", code="post"),
        copies=_words(row, "copies", POSTS, "岗位", code="post"),
        paper=row.choice("paper", PAPERS, "催办", required=True),
        confirm=row.flag("confirm"),
        overdue=-before if before is not None else overdue,
        working=row.choice("count", ("working_days", "days"), "working_days") == "working_days",
        misses_in_row=_number(row, "misses_in_row", 2),
        lamps=_words(row, "lamps", COLOURS, "灯色"),
        lamps_in_row=_number(row, "lamps_in_row", 1) or 1,
        times_in_year=_number(row, "times_in_year", 2),
        times_of=_words(row, "times_of", PAPERS, "文种") or COUNTED,
        unanswered=_number(row, "unanswered", 1),
        after_step=row.text("after_step"),
        after=_number(row, "after", 0) or 0,
        unreasoned=row.flag("unreasoned"),
        timeout=hours if hours is not None else days and days * HOURS_A_DAY,
        goes=row.choice("on_timeout", ("hold", "go"), "hold") == "go",
        score=row.text("score"),
    )
    for check in _STEP_CHECKS:
        check(step, row)
    row.close()
    return step, row


def _words(
    row: Row, key: str, allowed: Iterable[str], what: str, *, code: str = "not-a-choice"
) -> tuple[str, ...]:
    known = tuple(allowed)
    found = tuple(text.raw for text in row.texts(key))
    for word in found:
        if word not in known:
            row.issues.error(
                code, row.place_of(key), f"不认识的{what}“{word}”。", f"可用：{'、'.join(known)}。"
            )
    return found


def _has_trigger(step: Step, row: Row) -> None:
    """Without a trigger a step would never come, or always."""
    dated = step.overdue is not None or step.after_step
    counted = step.misses_in_row or step.lamps or step.times_in_year or step.unanswered
    if not dated and not counted:
        row.issues.error(
            "no-trigger",
            row.place,
            f"梯级“{step.name}”没有触发条件。",
            "写 overdue: 天数，或 misses_in_row: 次数，或 lamps: [red]，或 after_step: 上一级。",
        )


def _severe_is_confirmed(step: Step, row: Row) -> None:
    if step.severe and not step.confirm:
        row.issues.error(
            "severe-unconfirmed",
            row.place_of("paper"),
            f"{step.paper}必须由具名的人确认后才能发出。",
            "加上 confirm: 是。",
        )


def _severe_never_goes(step: Step, row: Row) -> None:
    if step.goes and (step.severe or step.timeout is None):
        row.issues.error(
            "timeout-goes",
            row.place_of("on_timeout"),
            f"“{step.name}”不能到时自动发出。"
            if step.severe
            else "写了到时自动发出，没有写等多久。",
            "改成 on_timeout: hold（只提醒办公室）。"
            if step.severe
            else "加上 timeout_hours: 16。",
        )


def _somebody_is_told(step: Step, row: Row) -> None:
    if not step.to:
        row.issues.error(
            "step-nobody",
            row.place_of("to"),
            f"梯级“{step.name}”没有收件岗位。",
            f"写上 to: [岗位]，可用：{'、'.join(POSTS)}。",
        )


def _nobody_is_told_twice(step: Step, row: Row) -> None:
    twice = [post for post in step.to if post in step.copies]
    if twice:
        row.issues.error(
            "step-self",
            row.place_of("copies"),
            f"梯级“{step.name}”把收件人“{'、'.join(twice)}”又写成抄送。",
            "从 copies 里删去。",
        )


def _one_day_count(step: Step, row: Row) -> None:
    if row.has("before") and row.has("overdue"):
        row.issues.error(
            "step-days",
            row.place_of("before"),
            f"梯级“{step.name}”同时写了到期前和逾期后。",
            "before（到期前）和 overdue（逾期后）只写一个。",
        )


_STEP_CHECKS: tuple[Callable[[Step, Row], None], ...] = (
    _has_trigger,
    _severe_is_confirmed,
    _severe_never_goes,
    _somebody_is_told,
    _nobody_is_told_twice,
    _one_day_count,
)


# ---- a whole ladder ------------------------------------------------------------------------------


def _check_climb(placed: list[Placed], issues: Issues) -> None:
    """A rung that is missing, a ring, or a wrong order."""
    ids = [step.id for step, _ in placed]
    for number, (step, row) in enumerate(placed):
        if step.after_step and step.after_step not in ids:
            issues.error(
                "ladder-gap",
                row.place_of("after_step"),
                f"梯级“{step.name}”接在“{step.after_step}”之后，可是没有这一级。",
                f"可选：{'、'.join(ids[:number]) or '（前面还没有梯级）'}。",
            )
        elif step.after_step and ids.index(step.after_step) >= number:
            issues.error(
                "ladder-loop",
                row.place_of("after_step"),
                f"梯级“{step.name}”接在自己或后面的梯级之后，绕成了圈，永远到不了。",
                f"只能接在前面的梯级之后：{'、'.join(ids[:number]) or '（没有）'}。",
            )
    for (before, _), (after, row) in _neighbours(placed):
        if GRAVITY[after.paper] < GRAVITY[before.paper] or not _comes_later(before, after):
            issues.error(
                "ladder-order",
                row.place,
                f"梯级“{after.name}”排在“{before.name}”之后，却更轻，或不比它晚。",
                "从轻到重、从早到晚依次写。",
            )


def _neighbours(placed: list[Placed]) -> Iterator[tuple[Placed, Placed]]:
    return pairwise(placed)


def _comes_later(before: Step, after: Step) -> bool:
    """Compared only where both go by the same days; the same day is fine for what asks for more."""
    if before.overdue is None or after.overdue is None or before.working != after.working:
        return True
    asks = after.misses_in_row or after.lamps or after.times_in_year or after.unanswered
    more = bool(asks or after.after_step)
    return after.overdue > before.overdue or (more and after.overdue == before.overdue)


def _check_for(ladders: list[Written], issues: Issues) -> None:
    """A ladder that no obligation can ever take."""
    earlier: list[Ladder] = []
    for ladder, row, _ in ladders[:-1]:
        hidden = next((each for each in earlier if _covers(each, ladder)), None)
        why = ""
        if ladder.units and not _SUPERVISED & set(ladder.units):
            why = "企业和事业单位不列入督办"
        elif hidden is not None:
            why = f"前面的“{hidden.id}”已经全收走了"
        if why:
            issues.error(
                "for-nobody",
                row.place_of("for"),
                f"梯级“{ladder.id}”轮不到任何事项：{why}。",
                "改 for 里的 unit_kind、kind、class，或删去这一套。",
            )
        elif not (ladder.units or ladder.kinds or ladder.classes):
            issues.warning(
                "for-everybody",
                row.place_of("for"),
                f"梯级“{ladder.id}”没有写给谁用，后面的都轮不到了。",
                "写上 for，或把它改成一般的 steps。",
            )
        earlier.append(ladder)


def _covers(wide: Ladder, narrow: Ladder) -> bool:
    pairs = (
        (wide.units, narrow.units),
        (wide.kinds, narrow.kinds),
        (wide.classes, narrow.classes),
    )
    return all(not more or (less and set(less) <= set(more)) for more, less in pairs)


def _check_ids(ladders: list[Written], issues: Issues) -> None:
    seen: set[str] = set()
    for ladder, row, _ in ladders[:-1]:
        if ladder.id in seen or ladder.id == "default":
            issues.error(
                "ladder-twice",
                row.place_of("id"),
                f"有两套梯级都叫“{ladder.id}”（default 留给一般的那一套）。",
                "换一个编号。",
            )
        seen.add(ladder.id)


# ---- against the other files ---------------------------------------------------------------------


def check_together(
    policy: EscalationPolicy, lamps: LampPolicy, matrix: Matrix, issues: Issues
) -> None:
    """What only shows beside lamps and units: a colour that never lights, a kind of unit that nobody is."""
    colours = {step.lamp.colour for step in lamps.steps}
    for step in policy.steps:
        for colour in (each for each in step.lamps if each not in colours):
            issues.error(
                "step-lamp",
                policy.places[f"step:{step.id}"],
                f"梯级“{step.name}”等的是{COLOUR_WORDS.get(colour, colour)}灯，lamps.yaml 里没有这种灯。",
                "两个文件的灯色写成一样；成套的办法请两个文件一起拷贝。",
            )
    here = {unit.kind.value for unit in matrix.directory.units.values() if unit.kind.supervised}
    for ladder in policy.ladders:
        meant = _SUPERVISED & set(ladder.units)
        if meant and not here & meant:
            issues.error(
                "for-nobody",
                policy.places[f"ladder:{ladder.id}"],
                f"梯级“{ladder.id}”写给{'、'.join(ladder.units)}，单位名录里没有这种单位。",
                "改 for 里的 unit_kind，或删去这一套。",
            )
