"""Which channel a message takes and why, who gets a copy, and one test message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cast import home_of
from duban.errors import Issues, UsageError
from duban.ledger import outbox
from duban.ledger.links import PLACEHOLDER
from duban.ledger.outbox import Letter, Outcome
from duban.ledger.store import Ledger
from duban.settings import Home
from fakes_http import FakeWeb, Reply
from notifier.channel import masked
from notifier.config import Channels, load_channels
from notifier.envelope import fitted, letters_of
from notifier.fallback import fall_back
from notifier.reach import reached
from smallhome import moment, small_office
from test_matrix_bad import GOOD_TASK
from test_notifier import NOW, bundle, letter, line

Cli = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parent.parent
CHANNELS = """default: mail
lost: inbox
channels:
  - {id: mail, url: "dubanmaildir://mail", on_unknown: resend}
  - {id: inbox, url: "dubaninbox://", on_unknown: resend}
  - {id: group, name: 企业微信群, url: "dubanwecombot://${env:T_BOT}", form: md, limit: 4000}
  - {id: wecom, name: 企业微信应用, url: "dubanwecom://${env:T_CORP}:${env:T_SECRET}@1", form: md}
  - {id: sms, name: 短信, url: "dubansms://${env:T_APP}:${env:T_SMS}@sms.example/x?day=S1", form: text}
"""
LINK = f"http://127.0.0.1:8420/u/{PLACEHOLDER}"
ALL = "l@e.example wecom:zhangsan sms:13800000000"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The shipped units with channels of the test's own."""
    (tmp_path / "config").mkdir()
    for name in ("units.yaml", "duban.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path / "config" / name)
    return Home(tmp_path)


def configured(home: Home, *routes: str) -> tuple[Channels, Issues]:
    text = (
        CHANNELS + ("routes:\n" if routes else "") + "".join(f"  - {{{one}}}\n" for one in routes)
    )
    (home.config / "channels.yaml").write_text(text, encoding="utf-8")
    issues = Issues()
    return load_channels(home, issues), issues


def taken(channels: Channels, address: str = ALL, **more: str) -> str:
    place = {"unit": "longhu", "post": "liaison", "kind": "day"} | more
    return channels.way(address=address, **place).channel


# Inheritance

LEVELS = (
    "channel: inbox",
    "posts: [liaison], channel: wecom",
    "kinds: [township], channel: sms",
    "groups: [乡镇街道], channel: mail",
    "groups: [各乡镇街道], posts: [liaison], channel: inbox",
    "units: [龙湖镇], channel: wecom",
    "units: [新郑市龙湖镇], posts: [liaison], channel: sms",
    "messages: [day], channel: mail",
)


def test_the_closer_route_counts_whatever_the_order_of_lines(home: Home) -> None:
    wanted = ("inbox", "wecom", "sms", "mail", "inbox", "wecom", "sms", "mail")
    for number, channel in enumerate(wanted, 1):
        for order in (LEVELS[:number], LEVELS[:number][::-1]):
            channels, issues = configured(home, *order)
            assert list(issues) == []
            assert taken(channels) == channel, order


def test_what_a_route_does_not_name_it_does_not_move(home: Home) -> None:
    channels, _ = configured(
        home, "units: [龙湖镇], posts: [liaison], messages: [urgent], channel: sms"
    )
    assert taken(channels, kind="urgent") == "sms"
    assert {taken(channels), taken(channels, kind="urgent", post="head")} == {"mail"}
    assert taken(channels, kind="urgent", unit="mengzhuang") == "mail"


@pytest.mark.parametrize(
    ("address", "channel", "words"),
    [
        (ALL, "wecom", "channels.yaml:10"),
        ("wecom:zhangsan", "wecom", "写明了渠道"),
        ("sms:13800000000", "sms", "写明了渠道"),  # the holder's own word counts more
        ("group", "group", "写明了渠道"),
        ("l@e.example", "mail", "没有写 wecom:账号"),
        ("sms:13800000000 l@e.example", "sms", "第一种地址"),
        ("", "inbox", "没有可以送达的地址"),
    ],
)
def test_the_holders_address_decides_what_a_route_can_do(
    home: Home, address: str, channel: str, words: str
) -> None:
    channels, _ = configured(home, "units: [龙湖镇], channel: wecom")
    way = channels.way(unit="longhu", post="liaison", address=address, kind="day")
    assert (way.channel, words in way.told) == (channel, True), way.told


def test_a_route_that_does_not_fit_leaves_it_to_the_next(home: Home) -> None:
    channels, _ = configured(home, "units: [龙湖镇], channel: wecom", "channel: sms")
    way = channels.way(
        unit="longhu", post="head", address="h@e.example sms:13800000000", kind="day"
    )
    assert (way.channel, len(way.missed)) == ("sms", 1)


# Strictness


@pytest.mark.parametrize(
    ("routes", "codes"),
    [
        (["units: [龙湖镇], chanel: mail"], ["route-empty", "unknown-key"]),
        (["units: [龙湖镇], channel: pigeon"], ["channel-unknown"]),
        (["units: [龙湖湾], channel: mail"], ["unknown-unit"]),
        (["units: [各乡镇街道], channel: mail"], ["route-group"]),
        (["groups: [各单位], channel: mail"], ["route-group"]),
        (["kinds: [city], channel: mail"], ["not-a-choice"]),
        (["posts: [boss], channel: mail"], ["post"]),
        (["messages: [weekly], channel: mail"], ["not-a-choice"]),
        (["units: [龙湖镇], kinds: [township], channel: mail"], ["route-mixed"]),
        (["copy: wecom"], ["route-copy"]),
        (["channel: group"], ["route-to-group"]),
        (["channel: mail, fallback: sms"], ["channel-fallback"]),
        (["channel: mail, fallback: mail after 5m"], ["channel-fallback"]),
        (["channel: mail, fallback: pigeon after 5m"], ["channel-fallback"]),
        (["copy: group, fallback: mail after 5m"], ["channel-fallback"]),
        (
            ["units: [龙湖镇], channel: mail", "units: [龙湖镇, 孟庄镇], channel: sms"],
            ["route-twice"],
        ),
        (["units: [龙湖镇], copy: group", "units: [龙湖镇], copy: 无"], ["route-twice"]),
        (["units: [龙湖镇], channel: mail", "units: [龙湖镇], copy: group"], []),
        (["posts: [head], channel: mail", "posts: [deputy], channel: sms"], []),
    ],
)
def test_a_wrong_route_is_told_with_its_line(
    home: Home, routes: list[str], codes: list[str]
) -> None:
    _, issues = configured(home, *routes)
    assert sorted(issue.code for issue in issues) == codes
    assert all(issue.place.line == 9 + len(routes) for issue in issues)
    assert all(issue.message and issue.way_out for issue in issues)


def test_a_routes_fallback_must_not_lead_back(home: Home) -> None:
    text = CHANNELS.replace("form: text}", "form: text, fallback: mail after 1h}")
    text += "routes:\n  - {channel: mail, fallback: sms after 1h}\n"
    (home.config / "channels.yaml").write_text(text, encoding="utf-8")
    issues = Issues()
    load_channels(home, issues)
    assert [(issue.code, issue.place.line) for issue in issues] == [("channel-fallback", 10)]
    assert "绕回" in issues.found[0].message


def test_the_examples_in_the_configuration_work(home: Home) -> None:
    text = (ROOT / "config" / "channels.yaml").read_text(encoding="utf-8")
    shown = [one[1:] for one in text.splitlines() if one.startswith("#  - {")]
    routes = [one[1:] for one in text.splitlines() if one.startswith("#   - {")]
    assert len(routes) >= 3
    whole = "\n".join([text, *shown, "routes:", *routes]).replace("单位", "unit")
    (home.config / "channels.yaml").write_text(whole, encoding="utf-8")
    issues = Issues()
    channels = load_channels(home, issues)
    assert [str(issue) for issue in issues] == []
    assert [taken(channels), taken(channels, kind="urgent")] == ["wecom", "sms"]


# Letters: the reader's own, and the copy for the group


def test_a_copy_goes_to_the_group_without_anybodys_link(home: Home) -> None:
    channels, _ = configured(home, "units: [市市场监管局], copy: group")
    mine, copy = letters_of(bundle(line(url=LINK), link=LINK), channels, NOW)
    assert (mine.id, mine.kind, mine.channel) == ("day:2026-11-23:scjgj/liaison", "day", "mail")
    assert PLACEHOLDER in mine.text
    assert (copy.id, copy.kind, copy.channel) == (f"{mine.id}+group", "copy", "group")
    assert PLACEHOLDER not in copy.text + copy.html + copy.subject
    assert "链接只发给本人" in copy.text
    assert "建立知识产权协同保护机制" in copy.text
    assert "channels.yaml" not in mine.route
    assert mine.route == "默认渠道"


def test_a_unit_can_be_kept_out_of_its_groups_copies(home: Home) -> None:
    channels, _ = configured(home, "copy: group", "units: [龙湖镇], copy: 无")
    assert len(letters_of(bundle(unit="mengzhuang"), channels, NOW)) == 2
    assert len(letters_of(bundle(unit="longhu"), channels, NOW)) == 1


def test_a_group_as_the_readers_own_channel_gets_no_link_either(home: Home) -> None:
    channels, _ = configured(home)
    (only,) = letters_of(bundle(address="group"), channels, NOW)
    assert (only.channel, "http" in only.text) == ("group", False)


def test_each_part_of_a_long_message_is_a_row_of_its_own(home: Home) -> None:
    channels, _ = configured(home, "copy: group")
    many = [line(f"o{n}", title="建立知识产权协同保护机制" * 5) for n in range(60)]
    letters = letters_of(bundle(*many), channels, NOW)
    copies = letters[1:]
    ids = [each.id for each in copies]
    assert len(copies) > 1
    assert ids == [f"{letters[0].id}+group#{n}/{len(copies)}" for n in range(1, len(copies) + 1)]
    assert all(len(each.text.encode()) <= 4000 for each in copies)


def test_a_copy_leaves_one_message_a_person_and_day(tmp_path: Path) -> None:
    with small_office(tmp_path) as (office, hands):
        text = CHANNELS + "routes:\n  - {copy: group}\n"
        (office.home.config / "channels.yaml").write_text(text, encoding="utf-8")
        from duban.ledger import queries
        from duban.stages import collect, remind

        for day in (9, 10, 16):
            hands.at = moment(day)
            collect.run(office, hands.at)
            remind.run(office, hands.at)
        with office.ledger.read() as conn:
            rows = queries.messages(conn)
    mine = [(row["unit"], row["post"], row["id"]) for row in rows if row["kind"] != "copy"]
    copies = [row["id"] for row in rows if row["kind"] == "copy"]
    assert copies
    assert sorted(copies) == sorted(f"{key}+group" for _, _, key in mine)
    assert all(row["route"] for row in rows)


def test_why_tells_the_channel_and_by_whose_word(cli: Cli, tmp_path: Path) -> None:
    with small_office(tmp_path) as (office, hands):
        text = CHANNELS + "routes:\n  - {units: [龙湖镇], channel: wecom}\n"
        (office.home.config / "channels.yaml").write_text(text, encoding="utf-8")
        from duban.stages import collect, remind

        for day in (9, 10, 16):
            hands.at = moment(day)
            collect.run(office, hands.at)
            remind.run(office, hands.at)
    code, out, _ = cli("why", "--unit", "龙湖镇", "--home", tmp_path)
    assert code == 0
    assert "走 mail：默认渠道；路由 config/channels.yaml:10 要走企业微信应用" in out
    code, out, _ = cli(
        "messages", "list", "--state", "queued", "--home", tmp_path, "--format", "json"
    )
    assert code == 0
    assert all("route" in row for row in json.loads(out))


def test_a_digest_fits_a_chat_as_well(home: Home) -> None:
    channels, _ = configured(home)
    paper = letter(
        "digest:1", text="督查通报 @all <b>\n" * 400 + LINK, html="<p>", attachments=("a.docx",)
    )
    assert fitted(paper, channels.by_id["mail"]) == [paper]
    found = fitted(replace(paper, channel="group"), channels.by_id["group"])
    assert len(found) > 1
    assert not set("@<>") & set("".join(one.text for one in found))
    assert found[-1].text.endswith(LINK)
    assert {(one.html, one.attachments) for one in found} == {("", ())}


# Fallback by route

REFUSED = Outcome("permanent", "refused", "不收")


def failed(box: Ledger, *letters: Letter) -> None:
    now = box.now()
    with box.write("test") as writing:
        outbox.queue(writing, letters)
    ids = [each.id for each in outbox.claim(box, "w", now, 20)]
    outbox.hand_over(box, "w", ids, now, {})
    outbox.settle(box, "w", [(key, REFUSED) for key in ids], now)


def test_a_routes_fallback_replaces_its_channels(home: Home, ledger: Ledger, told: Any) -> None:
    told.moment = NOW
    text = CHANNELS.replace("on_unknown: resend}", "fallback: inbox after 1h}", 1)
    text += "routes:\n  - {units: [龙湖镇], channel: mail, fallback: wecom after 1h}\n"
    (home.config / "channels.yaml").write_text(text, encoding="utf-8")
    channels = load_channels(home, Issues())
    here = letter("a", unit="longhu", address="l@e.example wecom:zhang")
    failed(ledger, here, letter("b", unit="mengzhuang"), letter("c+mail", kind="copy"))
    told.moment = NOW + timedelta(hours=2)
    assert fall_back(ledger, channels, told.moment) == 2
    from duban.ledger import queries

    with ledger.read() as conn:
        ids = {row["id"] for row in queries.messages(conn)}
    assert ids == {"a", "b", "c+mail", "a@wecom", "b@inbox"}  # a copy that failed is no loss


# Who is reached how


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("spj.lianluo@e.example", "sp***@e.example"),
        ("sms:13800000000", "sms:138****0000"),
        ("wecom:zhangsan", "wecom:zh***"),
        ("group", "group"),
        ("a@e.example wecom:bc", "a***@e.example wecom:bc***"),
    ],
)
def test_addresses_are_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_channels_lists_each_post_with_its_source(cli: Cli, tmp_path: Path) -> None:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    text = CHANNELS + "routes:\n  - {groups: [乡镇街道], channel: wecom, copy: group}\n"
    (home / "config" / "channels.yaml").write_text(text, encoding="utf-8")
    code, out, _ = cli("channels", "--home", home, "--format", "json", "--unit", "龙湖镇")
    assert code == 0
    for each in json.loads(out):
        assert (each["channel"], each["copy"], each["source"]) == ("mail", "group", "默认渠道")
        assert "***@" in each["address"]
        assert any("没有写 wecom:账号" in said for said in each["problems"])
        assert any("T_BOT 没有设置" in said for said in each["problems"])
    code, out, _ = cli("channels", "--home", home, "--problems")
    assert (code, "个要处理" in out) == (0, True)
    assert cli("channels", "--home", home, "--unit", "龙湖湾")[0] == 2


def test_a_post_without_an_address_is_listed(home: Home) -> None:
    channels, _ = configured(home)
    from duban.matrix.load import load_directory

    units = load_directory(home, Issues()).units
    found = list(reached(units, channels, date(2026, 11, 23)))
    empty = [
        (each.unit, each.post) for each in found if any("地址" in said for said in each.problems)
    ]
    assert empty == [("guanyinsi", "liaison")]


# One test message


@pytest.fixture
def tried(cli: Cli, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    home = home_of(tmp_path, {"tasks": [GOOD_TASK]})
    (home / "config" / "channels.yaml").write_text(CHANNELS, encoding="utf-8")
    return lambda *args: cli("doctor", "--home", home, *args)


def test_a_dry_run_tells_everything_and_sends_nothing(
    tried: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("no network in a dry run"))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("no DNS in a dry run"))
    code, out, noted = tried("--send-test", "mail", "--to", "a@e.example")
    assert (code, "没有联网" in noted) == (0, True)
    assert all(words in out for words in ("a@e.example", "【测试】", "不是正式通知", "var/"))
    monkeypatch.setenv("T_BOT", "key-of-the-bot")
    code, out, noted = tried("--send-test", "group")
    assert (code, "qyapi.weixin.qq.com" in out) == (0, True)
    assert "key-of-the-bot" not in out + noted
    assert not list(tmp_path.glob("**/var/**/new/*"))


def test_a_dry_run_of_all_tells_what_is_missing(tried: Cli) -> None:
    code, out, _ = tried("--send-test", "--format", "json")
    found = {each["channel"]: each for each in json.loads(out)}
    assert (code, list(found)) == (1, ["mail", "inbox", "group", "wecom", "sms"])
    assert "T_BOT 没有设置" in found["group"]["problems"][0]
    assert found["inbox"]["problems"] == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--send-test", "pigeon"), 2),
        (("--send-test", "--really"), 2),
        (("--really",), 2),
        (("--send-test", "mail", "--really"), 1),  # to whom?
        (("--send-test", "inbox", "--to", "a@e.example"), 1),
    ],
)
def test_a_test_message_wants_to_know_where(tried: Cli, args: tuple[str, ...], code: int) -> None:
    found, out, noted = tried(*args)
    assert (found, "结果" in out + noted) == (code, False)


def test_a_real_test_goes_out_once_and_leaves_no_record(tried: Cli, tmp_path: Path) -> None:
    code, out, noted = tried("--send-test", "mail", "--to", "a@e.example", "--really")
    assert (code, "已送出" in out, "不记台账" in noted) == (0, True, True)
    (mail,) = tmp_path.glob("**/var/mail/new/*")
    assert b"a@e.example" in mail.read_bytes()
    assert not list(tmp_path.glob("**/duban.sqlite3"))


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"errcode": 0, "errmsg": "ok"}, 0, "已送出"),
        ({"errcode": 45009, "errmsg": "freq"}, 3, "没有送出"),
        ({"errcode": 40008, "errmsg": "type"}, 3, "对方拒收"),
        ({}, 3, "说不清"),
    ],
)
def test_the_outcome_is_told_in_words(
    tried: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    answer: dict[str, Any],
    code: int,
    words: str,
) -> None:
    with FakeWeb(replies=[Reply(body=answer)]) as fake:
        monkeypatch.setenv("T_URL", f"dubanwecombot://key-of-the-bot?host={fake.url}")
        text = CHANNELS.replace('"dubanwecombot://${env:T_BOT}"', '"${env:T_URL}"')
        (next(tmp_path.glob("**/config")) / "channels.yaml").write_text(text, encoding="utf-8")
        found, out, noted = tried("--send-test", "group", "--really")
    assert (found, words in out, len(fake.asked)) == (code, True, 1), out + noted
    assert "key-of-the-bot" not in out + noted


def test_an_unknown_channel_is_a_sentence(home: Home) -> None:
    from notifier.trial import plan

    channels, _ = configured(home)
    with pytest.raises(UsageError, match="没有渠道"):
        plan(channels, home, "x", "", office="办", contact="", now=NOW)
