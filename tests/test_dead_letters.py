"""Letters that did not arrive: found by state, sent again, given up, or known to have arrived after all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cast import home_of
from duban.ledger import audit, events, outbox
from duban.ledger.outbox import BAD_ADDRESS, Letter, Outcome
from duban.ledger.store import Ledger, open_ledger
from portal_home import House, fields
from test_channels_pace import NOW, letter, rows

Cli = Callable[..., tuple[int, str, str]]
OUTCOMES = {
    "failed": Outcome("permanent", BAD_ADDRESS, "550 5.1.1"),
    "unknown": Outcome("unknown", "no-answer", "没有答复"),
    "sent": Outcome("sent", "250"),
}


def end_as(box: Ledger, state: str, one: Letter) -> str:
    """Queue a letter and let it end in a state."""
    with box.write("remind", NOW) as writing:
        outbox.queue(writing, [one])
    if state == "queued":
        return one.id
    if state == "expired":
        outbox.expire(box, NOW)
        return one.id
    [mine] = [each.id for each in outbox.claim(box, "w", NOW)]
    outbox.hand_over(box, "w", [mine], NOW)
    outbox.settle(box, "w", [(mine, OUTCOMES[state])], NOW)
    return one.id


@pytest.fixture
def box(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Ledger, Path]]:
    home = home_of(tmp_path / "home", {"tasks": []})
    monkeypatch.setenv("DUBAN_DATABASE_URL", ledger_url)
    with closing(open_ledger(ledger_url, ask=lambda: NOW)) as ledger:
        for state in ("failed", "unknown", "sent"):
            end_as(ledger, state, letter(state, channel="mail"))
        end_as(ledger, "expired", letter("expired", channel="mail", expires_at=NOW.replace(hour=1)))
        end_as(ledger, "failed", letter("bot", channel="group"))
        yield ledger, home


Box = tuple[Ledger, Path]


@pytest.fixture
def told_cli(cli: Cli, box: Box, ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("DUBAN_DATABASE_URL", ledger_url)  # after ``cli``, which clears it
    return lambda *args: cli("messages", *args, "--home", str(box[1]))


def listed(told_cli: Cli, *more: str) -> set[str]:
    code, said, _ = told_cli("list", "--format", "json", *more)
    assert code == 0
    return {row["id"] for row in json.loads(said)}


def test_they_are_listed_by_state_and_channel(told_cli: Cli) -> None:
    assert listed(told_cli) == {"failed", "unknown", "expired", "bot"}
    assert listed(told_cli, "--channel", "group") == {"bot"}
    assert listed(told_cli, "--state", "unknown") == {"unknown"}
    code, said, _ = told_cli("list")
    assert code == 0
    assert all(word in said for word in ("发送失败", "不确定是否送达", "过期未发", "550 5.1.1"))


DECISIONS = [
    ("resend", "failed", "queued", "message.requeued"),
    ("drop", "queued", "", ""),
    ("drop", "bot", "cancelled", "message.settled"),
    ("arrived", "unknown", "sent", "message.settled"),
    ("resend", "expired", "queued", "message.requeued"),
]


def test_a_person_decides_with_name_and_reason(told_cli: Cli, box: Box) -> None:
    for act, key, state, kind in DECISIONS:
        code, _, _ = told_cli(act, key, "--reason", "问过对方", "--actor", "经办人甲")
        assert code == (0 if state else 2)
        if not state:
            continue
        assert rows(box[0])[key].state == state
        with box[0].read() as conn:
            last = list(events.read_events(conn, subject=key))[-1]
        assert (last.kind, last.actor, last.why) == (kind, "经办人甲", "经办人甲：问过对方")
    assert audit.rebuilt_differs(box[0]) == []


def test_all_of_a_channel_at_once_and_only_of_the_state_that_is_said(
    told_cli: Cli, box: Box
) -> None:
    assert told_cli("resend", "--channel", "mail", "--reason", "邮箱修好了")[0] == 0
    states = {key: row.state for key, row in rows(box[0]).items()}
    assert states == {
        "failed": "queued",
        "unknown": "unknown",  # it may have arrived: only when it is said
        "expired": "expired",
        "bot": "failed",
        "sent": "sent",
    }
    assert told_cli("drop", "--channel", "mail", "--state", "trouble", "--reason", "算了")[0] == 0
    assert {rows(box[0])[key].state for key in ("unknown", "expired")} == {"cancelled"}


NONSENSE = [
    (("resend", "sent"), "已送达"),
    (("arrived", "expired"), "过期未发"),
    (("drop", "no-such"), "没有这封通知"),
    (("resend", "failed", "sent"), "已送达"),
    (("drop",), "二者取一"),
    (("drop", "failed", "--channel", "mail"), "二者取一"),
]


def test_what_makes_no_sense_is_refused_and_changes_nothing(told_cli: Cli, box: Box) -> None:
    before = {key: row.state for key, row in rows(box[0]).items()}
    for args, words in NONSENSE:
        code, _, said = told_cli(*args, "--reason", "x")
        assert code == 2
        assert words in said
    assert {key: row.state for key, row in rows(box[0]).items()} == before


def test_a_letter_sent_again_keeps_its_number_and_has_all_its_tries(box: Box) -> None:
    ledger = box[0]
    with ledger.write("office") as writing:
        outbox.requeue(writing, "failed", "再发")
    [again] = outbox.claim(ledger, "w", NOW)
    assert (again.id, rows(ledger)["failed"].attempts) == ("failed", 0)


# On the page


def decide(house: House, path: str, **more: Any) -> int:
    office = house.office("经办人甲")
    hidden = fields(office.get(path), "/office/messages/decide")
    return int(office.post("/office/messages/decide", data=hidden | more).status_code)


def put(house: House, key: str, state: str, channel: str) -> None:
    ledger = house.portal.ledger
    row = {"id": key, "state": state, "settled_at": ledger.now(), "detail": "x"}
    with ledger.write("remind") as writing:
        outbox.queue(writing, [letter(key, channel=channel, unit="longhu")])
        writing.record(events.Draft("message.settled", key, row))


def states(house: House) -> dict[str, str]:
    return {key: row.state for key, row in rows(house.portal.ledger).items() if "/" not in key}


def test_on_the_page_an_unknown_one_is_noted_as_arrived(house: House) -> None:
    put(house, "a", "unknown", "group")
    put(house, "b", "expired", "group")
    path = "/office/messages?state=trouble"
    assert decide(house, path, message="b", act="arrived", reason="问过") == 409
    assert decide(house, path, message="a", act="arrived", reason="问过，收到了") == 303
    assert states(house) == {"a": "sent", "b": "expired"}


def test_on_the_page_a_whole_channel_is_decided_at_once(house: House) -> None:
    for n in range(25):  # more than a page holds
        put(house, f"g{n:02}", "failed", "group")
    put(house, "mail", "failed", "mail")
    path = "/office/messages?state=failed&channel=group"
    page = house.office().get(path).text
    assert "渠道“group”的全部" in page
    assert decide(house, path, whole="1", act="resend", reason="口令换好了") == 303
    assert states(house) == {f"g{n:02}": "queued" for n in range(25)} | {"mail": "failed"}


def test_the_page_says_what_a_letter_waits_for(house: House) -> None:
    put(house, "a", "failed", "mail")
    ledger = house.portal.ledger
    with ledger.write("office") as writing:
        outbox.requeue(writing, "a", "再发")
    evening = ledger.now().replace(hour=20)
    outbox.claim(ledger, "w", evening, hours=lambda _urgent, at: at.replace(hour=23))
    page = house.office().get("/office/messages?state=queued").text
    assert "再发　不在发送时段" in page
    assert "等到" in page
