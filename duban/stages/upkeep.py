"""Upkeep: nightly look at the ledger's chain and at stages that did not run."""

from __future__ import annotations

from datetime import datetime, timedelta

from duban.ledger import events, queries
from duban.office import Office
from duban.stages import StageReport, ticks

STALE = {"remind": timedelta(days=2), "collect": timedelta(days=2), "escalate": timedelta(days=2)}


def run(office: Office, at: datetime) -> StageReport:
    """Verify the hash chain and name what is overdue for a run; nothing is repaired silently."""
    with office.ledger.read() as conn:
        broken = events.verify_chain(conn)
        count, head = events.chain_head(conn)
        late = stale_stages(queries.ticks(conn), at)
    lines = [f"台账共{count}条记录，最新哈希{head[:16]}。"]
    if broken is not None:
        lines.append(f"警报：第{broken.seq}条记录与哈希链不符（{broken.kind}），台账可能被改动过。")
    lines += [f"警报：{name}已超过{limit.days}天没有运行。" for name, limit in late.items()]
    counts = {"记录": count, "链条不符": int(broken is not None), "久未运行": len(late)}
    with office.ledger.write("duban:upkeep", at) as writing:
        ticks.tick(writing, "upkeep", at, counts)
    return StageReport("upkeep", at, counts, tuple(lines))


def stale_stages(ticks_found: list[queries.Tick], at: datetime) -> dict[str, timedelta]:
    """Stages that ran once and then not for longer than they should."""
    last = {tick.stage: tick.logical_at for tick in ticks_found}
    return {
        name: limit for name, limit in STALE.items() if name in last and at - last[name] > limit
    }
