"""A small office for the portal's tests: three units, a few tasks, a clock that we hold."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from httpx import Response

from duban import clock
from duban.ledger import ladder, links, queries
from duban.ledger.apply import apply
from duban.ledger.canon import canonical
from duban.ledger.events import Draft, chain_head
from duban.ledger.outbox import Letter, queue
from duban.portal.app import create_app
from duban.portal.state import Portal
from duban.stages import escalate

CONFIG = Path(__file__).parent.parent / "config"
COPIED = ("calendar.yaml", "reminders.yaml", "escalation.yaml", "lamps.yaml", "channels.yaml")
START = clock.at(date(2026, 11, 2), time(8, 0))
MORNING = clock.at(date(2026, 11, 23), time(9, 0))
REPORT = "A-1/longhu/report:2026-11"
FINISH = "A-2/scjgj/finish:end"
SHORT = "A-3/longhu/finish:end"
KEY = "a-key-for-tests-only"
PDF = ("会议纪要.pdf", b"%PDF-1.7 minutes", "application/pdf")
HOSTILE = "<script>alert(1)</script>{{ 7*7 }}'\"><img src=x onerror=alert(2)>"

DUBAN = """\
plan: small
office_unit: 市场监管局
office_name: 试点工作专班办公室
issuer: 试点工作专班办公室
contact: 司文科 62696021
public_url: http://testserver
"""
UNITS = """\
units:
  - {id: scjgj, name: 市场监督管理局, short: 市场监管局, kind: bureau, group: 市直部门, posts: {liaison: [{name: 联络员甲, address: a@x.example}], head: [{name: 负责人甲, address: b@x.example}]}}
  - {id: longhu, name: 龙湖镇人民政府, short: 龙湖镇, kind: township, group: 乡镇街道, posts: {liaison: [{name: 联络员乙, address: c@x.example}], head: [{name: 负责人乙, address: ""}]}}
  - {id: fy, name: 人民法院, short: 法院, kind: court, group: 司法机关, posts: {liaison: [{name: 联络员丙, address: d@x.example}]}}
"""
PLAN = """\
id: small
title: 试点县建设工作方案
issuer: 市人民政府
office: 市场监管局
term: {from: 2026-01-01, to: 2026-12-31}
year: 2026
areas: [{id: one, name: 严格保护}]
indicators:
  - {id: mediated, name: 调解成功件数, unit: 件, direction: normal, measure: flow, comparator: ge, source: example, baseline: 5, baseline_on: 2025-12-31, targets: {2026: 60}, unit_targets: [{unit: 龙湖镇, 2026: 60}]}
"""
TASKS = """\
area: one
tasks:
  - {id: A-1, title: 纠纷人民调解, text: 调解知识产权纠纷, source: example, lead: [市场监管局], support: [龙湖镇], responsibility: 市场监管局牵头, deliverable: 调解台账, deadline: 持续推进, kind: planned, report: {every: month, due: 每月25日前, by: [龙湖镇]}, indicators: [mediated], weight: 2}
  - {id: A-2, title: 出台贴息办法, text: 出台办法, source: example, lead: [市场监管局], support: [法院], responsibility: 市场监管局牵头, deliverable: 印发文件, deadline: 2026年11月30日前, kind: planned, weight: 3}
  - {id: A-3, title: 建设工作站, text: 建成工作站, source: example, lead: [龙湖镇], responsibility: 龙湖镇牵头, deliverable: 建成, deadline: 2026年11月6日前, kind: planned, weight: 1}
  - {id: A-4, title: 周调度, text: 每周调度, source: example, lead: [法院], responsibility: 法院牵头, deliverable: 纪要, deadline: 每周五17时前, kind: planned, weight: 1}
"""


def write_home(root: Path) -> Path:
    (root / "config").mkdir(parents=True)
    (root / "tasks_def" / "small").mkdir(parents=True)
    for name in COPIED:
        shutil.copy(CONFIG / name, root / "config" / name)
    (root / "config" / "duban.yaml").write_text(DUBAN, "utf-8")
    (root / "config" / "units.yaml").write_text(UNITS, "utf-8")
    (root / "tasks_def" / "small" / "plan.yaml").write_text(PLAN, "utf-8")
    (root / "tasks_def" / "small" / "1-one.yaml").write_text(TASKS, "utf-8")
    return root


class Watch:
    """A clock that stands until it is set."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Browser:
    """Someone at the portal: keeps cookies, follows nothing. Speaks ASGI, no socket."""

    def __init__(self, app: FastAPI, loop: BlockingPortal) -> None:
        self.app = app
        self.loop = loop
        self.cookies = httpx.Cookies()
        self.raises = True

    def request(self, method: str, address: str, **more: Any) -> Response:
        async def ask() -> Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=self.raises)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://testserver", cookies=self.cookies
            ) as client:
                reply = await client.request(method, address, **more)
                self.cookies = client.cookies
                return reply

        return self.loop.call(ask)

    def get(self, address: str, **more: Any) -> Response:
        return self.request("GET", address, **more)

    def post(self, address: str, **more: Any) -> Response:
        return self.request("POST", address, **more)


@dataclass
class House:
    """A portal with its clock, and the two sides of it as browsers."""

    root: Path
    watch: Watch
    portal: Portal
    client: Browser

    def browser(self) -> Browser:
        return Browser(self.client.app, self.client.loop)

    def token(self, unit: str) -> str:
        holder = self.portal.office.units[unit].posts["liaison"][0].name
        with self.portal.ledger.write("test") as writing:
            return links.issue(writing, self.portal.key, unit, "liaison", holder, days=45)

    def unit(self, unit: str = "longhu") -> Browser:
        """A liaison officer who opened the link."""
        browser = self.browser()
        assert browser.get(f"/u/{self.token(unit)}").status_code == 303
        return browser

    def office(self, name: str = "经办人甲") -> Browser:
        """A clerk who signed in."""
        browser = self.browser()
        reply = browser.post("/office/login", data={"key": KEY, "name": name})
        assert reply.headers["location"] == "/office"
        return browser

    def head(self) -> tuple[int, str]:
        with self.portal.ledger.read() as conn:
            return chain_head(conn)

    def row(self, key: str) -> queries.Row:
        with self.portal.ledger.read() as conn:
            row = queries.one_obligation(conn, key)
        assert row is not None
        return row

    def submissions(self, key: str) -> list[queries.Row]:
        with self.portal.ledger.read() as conn:
            return queries.submissions(conn, key)

    def proposal(self, key: str = SHORT, paper: str = "通报") -> str:
        """A severe step that waits, raised by the ladder itself."""
        now = self.watch.at
        for days in (5, 4, 3, 0):  # rung by rung: the next one comes when the notice before arrived
            self.watch.at = now - timedelta(days=days)
            escalate.run(self.portal.office, self.watch())
            with self.portal.ledger.write("deliver", self.watch()) as writing:
                ladder.assume_sent(writing)
        with self.portal.ledger.read() as conn:
            found = [r for r in ladder.proposals(conn, states=["waiting"]) if r["paper"] == paper]
        return str(next(r["id"] for r in found if r["obligation"] == key))


@contextmanager
def open_house(root: Path) -> Iterator[House]:
    watch = Watch(START)
    app = create_app(str(write_home(root)), ask=watch)
    portal: Portal = app.state.portal
    office = portal.office
    apply(portal.ledger, office.matrix, office.planned(), actor="test")
    watch.at = MORNING
    # A loop in a thread of its own: Playwright keeps one on this thread.
    with start_blocking_portal() as loop:
        yield House(root, watch, portal, Browser(app, loop))
    portal.close()


def page(key: str) -> str:
    return f"/unit/item?key={quote(key)}"


def fields(reply: Response, action: str) -> dict[str, str]:
    """The hidden fields of the first form with that action."""
    text = reply.text
    start = text.index(f'action="{action}"')
    form = text[start : text.index("</form>", start)]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    assert any(name == "form_token" for name, _ in found)
    return dict(found)


def report(browser: Browser, key: str = REPORT, **more: str) -> Response:
    """Fill in the form of an item and send it."""
    hidden = fields(browser.get(page(key)), "/unit/submit")
    return browser.post("/unit/submit", data=hidden | {"progress": "调解3件。"} | more)


def letter(
    house: House,
    text: str = "请报送：http://testserver/u/0token0 谢谢",
    unit: str = "longhu",
    state: str = "sent",
    name: str = "day",
) -> str:
    """A message that was settled in a state; its number."""
    key = f"{name}:{unit}"
    with house.portal.ledger.write("test") as writing:
        queue(
            writing,
            [
                Letter(
                    key, "day", unit, "liaison", "联络员", "c@x.example", "mail",
                    HOSTILE, text, "", (), urgent=False, not_before=MORNING,
                )
            ],
        )  # fmt: skip
        settled = {"id": key, "state": state, "settled_at": MORNING}
        writing.record(Draft("message.settled", key, settled))
    return key


def papers(house: House) -> None:
    """A digest and a run with one file each, and a secret beside them."""
    var = house.portal.home.var
    (var / "digest").mkdir()
    (var / "digest" / "w47.html").write_text("<script>alert(1)</script>周报", "utf-8")
    (var / "digest" / "w47.docx").write_bytes(b"word")
    (var / "digest" / "secret.txt").write_text("密", "utf-8")
    day = clock.day_of(MORNING)
    digest = {
        "id": "2026-W47", "from_on": day, "to_on": day, "as_of": MORNING, "state": "draft",
        "data": "{}", "files": canonical(["digest/w47.html", "digest/w47.docx", "../../config/duban.yaml"]),
    }  # fmt: skip
    line = {
        "rule": "r1", "version": "2024", "category": "完成", "basis": "第一条", "obligation": SHORT,
        "fact": HOSTILE, "evidence": ["台账事件 1"], "arithmetic": "1×(-0.2)=-0.2",
        "millipoints": -200, "sentence": "迟报1次，扣0.2分",
    }  # fmt: skip
    units = [
        {"unit": "longhu", "name": "龙湖镇", "group": "乡镇街道", "assessed": True, "reason": "",
         "millipoints": 99800, "total": "99.80", "rank": 1, "grade": "优秀", "effects": [], "lines": [line]},
        {"unit": "fy", "name": "法院", "group": "司法机关", "assessed": False, "reason": "没有应办事项",
         "millipoints": None, "total": None, "rank": None, "grade": "", "effects": [], "lines": []},
    ]  # fmt: skip
    run = {
        "id": "2026@2026-11-23", "period": "2026", "as_of": MORNING, "sheet": "细则", "state": "draft",
        "facts": "{}", "result": json.dumps({"units": units}), "files": "[]",
    }  # fmt: skip
    with house.portal.ledger.write("test") as writing:
        writing.record(Draft("digest.drafted", "d", digest), Draft("run.scored", "r", run))


def assert_headers(reply: Response) -> None:
    assert "default-src" in reply.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cache-control"] == "no-store"


def assert_own_page(reply: Response) -> None:
    """Small, Chinese, escaped, and nothing from another host."""
    assert len(reply.content) <= 100 * 1024
    assert '<html lang="zh-CN">' in reply.text
    assert "<script>alert" not in reply.text
    assert "<img" not in reply.text
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', reply.text)
    assert [each for each in addresses if "//" in each] == []
