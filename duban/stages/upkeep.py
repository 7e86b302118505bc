"""Upkeep: nightly look at the ledger's chain, at stages that did not run, and at files left over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from duban import clock
from duban.intake import evidence
from duban.ledger import events, queries, reviews
from duban.office import Office
from duban.stages import StageReport, ticks

_NIGHT = timedelta(hours=36)
STALE = {
    "publish": _NIGHT,
    "collect": _NIGHT,
    "escalate": _NIGHT,
    "remind": _NIGHT,
    "upkeep": timedelta(hours=48),
    "digest": timedelta(days=8),
}
"""How old the last tick of a stage may be; by the schedule with a night's grace."""
SETTLING = timedelta(hours=48)
"""So long after the newest tick a stage that never ran may still be waiting for its first turn."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """Which stages did not run as they should.

    ``stale``: ran once and then not for longer than the limit given. ``never``: never ran; that counts
    (``overdue``) only when nothing else ran lately either. ``future``: the last tick is of a day that
    has not come, so the stage would keep still until then.
    """

    stale: dict[str, timedelta]
    never: tuple[str, ...]
    future: tuple[str, ...]
    overdue: bool = False

    @property
    def well(self) -> bool:
        """Whether nothing needs a hand."""
        return not self.stale and not self.future and not (self.never and self.overdue)

    @property
    def sentences(self) -> list[str]:
        """What is wrong, one sentence each."""
        said = [f"{name}已超过{words(limit)}没有运行" for name, limit in self.stale.items()]
        said += [f"{name}的运行记录写在还没到的日子，请核对电脑时间" for name in self.future]
        return said + [f"{name}从没有运行过" for name in self.never if self.overdue]


def run(office: Office, at: datetime) -> StageReport:
    """Verify the hash chain, name what is overdue for a run, sweep files left over; repair nothing."""
    with office.ledger.read() as conn:
        broken = events.verify_chain(conn)
        count, head = events.chain_head(conn)
        late = stale_stages([each for each in queries.ticks(conn) if each.stage != "upkeep"], at)
    # A night that is made up for later sees ticks after it: only what was too old then is said.
    old = Lateness(late.stale, (), ())
    lines = [f"台账共{count}条记录，最新哈希{head[:16]}。"]
    if broken is not None:
        lines.append(f"警报：第{broken.seq}条记录与哈希链不符（{broken.kind}），台账可能被改动过。")
    lines += [f"警报：{said}。" for said in old.sentences]
    swept, freed = _sweep(office)
    if swept:
        lines.append(f"清理了{swept}个没有等来报送的附件，腾出 {freed // 1024} KB。")
    counts = {"记录": count, "链条不符": int(broken is not None), "久未运行": len(old.stale)}
    counts["清理附件"] = swept
    with office.ledger.write("duban:upkeep", at) as writing:
        ticks.tick(writing, "upkeep", at, counts)
    return StageReport("upkeep", at, counts, tuple(lines))


def _sweep(office: Office) -> tuple[int, int]:
    """Files whose report never came. By the clock's now: a night that is made up for sweeps no more."""

    def known(hashes: Collection[str]) -> set[str]:
        with office.ledger.read() as conn:
            return reviews.stored_hashes(conn, hashes)

    return evidence.sweep(office.home, office.ledger.now(), known)


def stale_stages(
    ticks_found: Sequence[queries.Tick], at: datetime, applied_at: datetime | None = None
) -> Lateness:
    """Which stages did not run as they should, for the doctor and for ``/healthz`` alike.

    ``applied_at``: when the plan was applied; it is asked only while no stage has ticked at all. The
    day of a tick decides what is in the future: a stage run by hand in the morning works for its slot
    later that day.
    """
    last = {tick.stage: tick.logical_at for tick in ticks_found}
    newest = max(last.values(), default=applied_at)
    return Lateness(
        stale={n: limit for n, limit in STALE.items() if n in last and at - last[n] > limit},
        never=tuple(name for name in STALE if name not in last),
        future=tuple(name for name in last if clock.day_of(last[name]) > clock.day_of(at)),
        overdue=newest is not None and at - newest > SETTLING,
    )


def words(limit: timedelta) -> str:
    """A limit as it is said: 36小时, 8天."""
    hours = int(limit.total_seconds()) // 3600
    return f"{hours}小时" if hours <= 48 else f"{hours // 24}天"
