"""Reads ``config/reminders.yaml`` and checks it: alone, and together with the tasks that name a ladder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import time
from itertools import combinations, product
from pathlib import Path

from duban.errors import Issue, Issues, Level, Place
from duban.matrix.model import POSTS, Matrix
from duban.reminders import CLASSES, DEFAULT, KINDS, ROLES, Ladder, ReminderPolicy, Rung
from duban.yamltext import Row, read_rows

OWED = frozenset(
    (role, kind)
    for role, kind in product(ROLES, KINDS)
    if kind == "report" or role == "lead" or (role == "joint" and kind != "summary")
)
"""Roles and kinds that can meet: who only supports owes no finish, and only the lead sums up."""
_WORDS = {"role": ROLES, "kind": KINDS, "class": CLASSES}
ID_CHARS = 20
"""A repeating rung's id with its day must fit its column."""


def load_reminders(path: Path, shown_as: str, issues: Issues) -> ReminderPolicy | None:
    """Read ``config/reminders.yaml``; mistakes go to ``issues``."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    policy = ReminderPolicy(
        digest_time=row.clock("digest_time", time(8, 30)),
        repeat_every=row.integer("repeat_every_working_days", 3, least=1),
        open_before=row.integer("open_before_working_days", 7, least=1),
        resubmit_days=row.integer("resubmit_working_days", 3, least=1),
        rungs=_rungs(row),
        urgent_per_day=row.integer("urgent_per_day", 2, least=0),
        ack_quiet=row.integer("quiet_after_ack_working_days", 5, least=0),
        ladders=tuple(_ladder(entry) for entry in row.rows("ladders")),
    )
    row.close()
    _ids_differ(policy, issues)
    issues.extend(_one_ladder_each(policy))
    return policy


def _ladder(row: Row) -> Ladder:
    chosen = row.row("for")
    ladder = Ladder(
        id=row.text("id", required=True),
        rungs=_rungs(row),
        roles=_chosen(chosen, "role"),
        kinds=_chosen(chosen, "kind"),
        classes=_chosen(chosen, "class"),
        by_name=chosen is None,
        place=row.place,
    )
    if chosen is not None:
        chosen.close()
    row.close()
    return ladder


def _chosen(row: Row | None, key: str) -> tuple[str, ...]:
    """The words of one condition; none written: all of them."""
    words = _WORDS[key]
    if row is None:
        return words
    texts = row.texts(key)
    for text in texts:
        if text.raw.strip() not in words:
            row.issues.error(
                "ladder-for",
                text.place,
                f"不认识“{key}: {text.raw}”。",
                f"可用：{'、'.join(words)}；不限就不写这个键。",
            )
    return tuple(text.raw.strip() for text in texts) or words


def _rungs(row: Row) -> tuple[Rung, ...]:
    rungs = tuple(_rung(entry) for entry in row.rows("rungs"))
    if not rungs:
        row.issues.error(
            "rungs",
            row.place_of("rungs"),
            "提醒梯级为空。",
            "至少写一级，如 - {id: today, before: 0}。",
        )
    seen: set[str] = set()
    for rung in rungs:
        if rung.id in seen:
            row.issues.error(
                "rung-twice",
                rung.place,
                f"梯级编号“{rung.id}”在同一套里写了两次。",
                "每一级给一个不同的 id。",
            )
        seen.add(rung.id)
    return rungs


def _rung(row: Row) -> Rung:
    after = row.integer("after", 0, least=0)
    rung = Rung(
        id=row.text("id", required=True),
        before=row.integer("before", 0, least=0) if row.has("before") else -after,
        working=row.choice("count", ("working_days", "days"), "working_days") == "working_days",
        to=_posts(row),
        repeats=row.flag("repeats"),
        words=row.text("words"),
        summary=row.flag("summary"),
        place=row.place,
    )
    _check_rung(rung, row)
    row.close()
    return rung


def _posts(row: Row) -> tuple[str, ...]:
    to = tuple(dict.fromkeys(text.raw.strip() for text in row.texts("to"))) or ("liaison",)
    for post in to:
        if post not in POSTS:
            row.issues.error(
                "post", row.place_of("to"), f"不认识的岗位“{post}”。", f"可用：{'、'.join(POSTS)}。"
            )
    return to


def _check_rung(rung: Rung, row: Row) -> None:
    if row.has("before") and row.has("after"):
        row.issues.error(
            "rung-both", row.place_of("after"), "before 和 after 只能写一个。", "删去其中一个。"
        )
    if rung.repeats and rung.before >= 0:
        row.issues.error(
            "repeat-before",
            row.place_of("repeats"),
            "只有到期之后的梯级才能重复。",
            "写 after: 天数，或去掉 repeats。",
        )
    if rung.repeats and not rung.working:
        row.issues.error(
            "repeat-days", row.place_of("count"), "重复的梯级只按工作日数。", "去掉 count: days。"
        )
    if len(rung.id) > ID_CHARS or "@" in rung.id or "|" in rung.id or ":" in rung.id:
        row.issues.error(
            "rung-form",
            row.place_of("id"),
            f"梯级编号“{rung.id}”超过{ID_CHARS}个字，或含有“@”“|”“:”。",
            "用字母、数字和“-”，短一些。",
        )


def _ids_differ(policy: ReminderPolicy, issues: Issues) -> None:
    seen = {DEFAULT}
    for ladder in policy.ladders:
        if ladder.id in seen:
            issues.error(
                "ladder-twice",
                ladder.place,
                f"梯级编号“{ladder.id}”已经用过（default 专指文件开头的 rungs）。",
                "每一套给一个不同的 id。",
            )
        seen.add(ladder.id)


def _warning(code: str, place: Place, message: str, way_out: str) -> Issue:
    return Issue(Level.WARNING, code, place, message, way_out)


# ---- rungs that get into each other's way ------------------------------------------------------------


def _one_ladder_each(policy: ReminderPolicy) -> Iterator[Issue]:
    for ladder in policy.all_ladders:
        yield from _clashes(ladder, policy.repeat_every)
        yield from _too_early(ladder, policy.open_before)


def _clashes(ladder: Ladder, repeat_every: int) -> Iterator[Issue]:
    """Two rungs of a ladder that come up together for the same post: only the later one is said."""
    for one, other in combinations(ladder.rungs, 2):
        both = [post for post in one.to if post in other.to]
        if both and _together(one, other, repeat_every):
            yield _warning(
                "rung-clash",
                other.place,
                f"梯级“{one.id}”与“{other.id}”同一时刻发给同一岗位，只会说后一级。",
                "错开天数，或删去一级。",
            )


def _together(one: Rung, other: Rung, repeat_every: int) -> bool:
    if one.before == other.before == 0 and not (one.repeats or other.repeats):
        return True
    if one.working != other.working:
        return False  # they may meet by chance; that is no mistake
    early, late = sorted((one, other), key=lambda rung: rung.before, reverse=True)
    apart = early.before - late.before
    if early.repeats:
        return apart % repeat_every == 0
    return apart == 0


def _too_early(ladder: Ladder, open_before: int) -> Iterator[Issue]:
    """A rung for reports alone that lies before their period opens: nobody ever gets it."""
    if ladder.by_name or not set(ladder.kinds) <= {"report", "summary"}:
        return
    for rung in ladder.rungs:
        if rung.working and rung.before > open_before:
            yield Issue(
                Level.INFO,
                "rung-early",
                rung.place,
                f"定期报送在时限前{open_before}个工作日才开始，“{rung.id}”到不了。",
                "删去这一级，或改 open_before_working_days。",
            )


# ---- ladders and the tasks ---------------------------------------------------------------------------


def check_ladders(matrix: Matrix, policy: ReminderPolicy) -> list[Issue]:
    """Tasks that name a ladder which is not there; ladders that serve nothing."""
    named = {task.reminders for task in matrix.plan.tasks if task.reminders}
    return [*_unknown(matrix, policy), *_idle(policy.ladders, named)]


def _unknown(matrix: Matrix, policy: ReminderPolicy) -> Iterator[Issue]:
    known = [ladder.id for ladder in policy.all_ladders]
    for task in matrix.plan.tasks:
        if task.reminders and task.reminders not in known:
            yield Issue(
                Level.ERROR,
                "unknown-ladder",
                task.reminders_place,
                f"任务 {task.id} 的提醒梯级“{task.reminders}”不在 config/reminders.yaml 里。",
                f"可用：{'、'.join(known)}；按一般规则提醒就删去这一行。",
            )


def _idle(ladders: Sequence[Ladder], named: set[str]) -> Iterator[Issue]:
    taken: set[tuple[str, str, str]] = set()
    for ladder in ladders:
        served = _served(ladder)
        if ladder.id not in named:
            yield from _serves_nothing(ladder, served, served - taken)
        taken |= served


def _served(ladder: Ladder) -> set[tuple[str, str, str]]:
    """Every role, kind and hardness that can be owed and that the ladder is for."""
    return {
        (role, kind, hardness)
        for role, kind in OWED
        for hardness in CLASSES
        if ladder.fits(role, kind, hardness)
    }


def _serves_nothing(
    ladder: Ladder, served: set[tuple[str, str, str]], left: Iterable[tuple[str, str, str]]
) -> Iterator[Issue]:
    if ladder.by_name:
        yield _warning(
            "ladder-idle",
            ladder.place,
            f"提醒梯级“{ladder.id}”没有写 for，也没有任务用到它。",
            "写上 for，或在任务里写 reminders: 编号，或删去。",
        )
    elif not served:
        yield _warning(
            "ladder-idle",
            ladder.place,
            f"没有应办事项会用到提醒梯级“{ladder.id}”：配合单位只有定期报送，只有汇总单位报汇总。",
            "改正 for 里的 role 和 kind，或删去。",
        )
    elif not left:
        yield _warning(
            "ladder-shadowed",
            ladder.place,
            f"提醒梯级“{ladder.id}”管的事项都已被前面的梯级管了，轮不到它。",
            "移到前面，或改窄前面的 for，或删去。",
        )
