"""Group bots, the WeCom application and template SMS against a service that misbehaves in every way.

What a service answers decides what becomes of a letter; nothing but its own receipt makes it "sent".
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from duban.clock import SHANGHAI
from duban.errors import Issues, UsageError
from duban.ledger.outbox import BAD_ADDRESS, RATE, UNREACHABLE, Letter, Outcome
from duban.settings import Home
from fakes_http import FakeWeb, Reply
from notifier.channels import dingtalk, feishu, sms
from notifier.channels.web import seconds_of
from notifier.config import Channel, Channels, load_channels, part_for
from notifier.gateway import Gateway
from notifier.mime import Sender, digest_of
from notifier.webpost import origin_of

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)
SECRET = "SEChush-hush/+%=1"
# Both computed with openssl from the providers' documents, not with this program.
DING_VECTOR = "timestamp=1700000000000&sign=sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0%3D"
FEISHU_VECTOR = "8oT2n3SMKFfEnDoiwer8BUM/SjKLwe9SqoEIHlhDTKo="


@dataclass(frozen=True)
class Kind:
    """A channel under test: its URL, its receipt, and refusals by what they mean."""

    name: str
    url: str
    taken: dict[str, Any]
    code: str
    address: str
    rate: tuple[Any, int]
    channel: Any
    letter: Any
    first: tuple[Reply, ...] = ()

    def refusal(self, code: Any) -> dict[str, Any]:
        return {self.code: code, "errmsg": f"no {SECRET}", "msg": "no", "message": "no"}


Q = quote(SECRET, safe="")
TOKEN = Reply(body={"errcode": 0, "access_token": "tok-hush-1", "expires_in": 7200})
OK = {"errcode": 0, "errmsg": "ok"}
KINDS = {
    kind.name: kind
    for kind in (
        Kind("bot", f"dubanwecombot://{Q}?", OK, "errcode", "bot", (45009, 60), 93000, 40058),
        Kind(
            "ding",
            f"dubanding://tok-hush?secret={Q}&",
            OK,
            "errcode",
            "ding",
            (130101, 600),
            310000,
            430102,
        ),
        Kind(
            "feishu",
            f"dubanfeishu://tok-hush?secret={Q}&",
            {"code": 0, "msg": "success", "data": {}},
            "code",
            "feishu",
            (11232, 60),
            19021,
            19002,
        ),
        Kind(
            "wecom",
            f"dubanwecom://corp:{Q}@1000002?",
            OK | {"msgid": "m1"},
            "errcode",
            "wecom:zhangsan",
            (45009, 60),
            60020,
            45002,
            (TOKEN,),
        ),
        Kind(
            "sms",
            "",
            {"code": "OK", "message": "ok"},
            "code",
            "sms:138 0000 0000".replace(" ", ""),
            ("THROTTLING", 60),
            "SIGNATURE",
            "BAD_TEMPLATE",
        ),
    )
}


def url_of(kind: Kind, base: str, extra: str = "") -> str:
    if kind.name == "sms":
        host = base.partition("://")[2]
        return f"dubansms://app:{Q}@{host}/send?day=SMS_1&urgent=SMS_2{extra}"
    return f"{kind.url}host={quote(base, safe='')}{extra}"


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def fake() -> Iterator[FakeWeb]:
    with FakeWeb() as running:
        yield running


Open = Callable[..., Gateway]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    gateways: list[Gateway] = []

    def begin(name: str, url: str, form: str = "md", read_seconds: float = 5.0) -> Gateway:
        sender = Sender("duban@e.example", "督办", "e.example")
        channel = Channel(name, name, url, form=form)
        gateway = Gateway(Channels({name: channel}, name, name, sender, tmp_path), Home(tmp_path))
        gateways.append(gateway)
        gateway.open(name)
        gateway._opened[name].plugin.web.read_seconds = read_seconds
        return gateway

    yield begin
    for gateway in gateways:
        gateway.close()


def letter(to: Kind, /, **changes: Any) -> Letter:
    values: dict[str, Any] = {
        "id": "day:2026-11-23:scjgj/liaison",
        "kind": "day",
        "unit": "scjgj",
        "post": "liaison",
        "person": "联络员（待填）",
        "address": to.address,
        "channel": to.name,
        "subject": "【提醒】市场监管局：1件待办",
        "text": "**一、今天到期**\n1. 提醒：打通堵点，时限11月23日",
        "html": "",
        "attachments": (),
        "urgent": False,
        "not_before": NOW,
    }
    return Letter(**values | changes)


def send(gateway: Gateway, to: Kind, /, **changes: Any) -> Outcome:
    [(_, outcome)] = gateway.send_many(to.name, [letter(to, **changes)], lambda: NOW)
    return outcome


def outcome_of(opened: Open, fake: FakeWeb, kind: Kind, *replies: Reply, **how: Any) -> Outcome:
    fake.replies = [*kind.first, *replies]
    return send(opened(kind.name, url_of(kind, fake.url), **how), kind)


# What a receipt makes of a letter


def test_only_the_services_own_receipt_counts_as_sent(
    kind: Kind, opened: Open, fake: FakeWeb
) -> None:
    found = outcome_of(opened, fake, kind, Reply(body=kind.taken))
    assert found.kind == "sent"
    assert len(fake.asked) == len(kind.first) + 1


HTML = b"<!DOCTYPE html><title>login</title>"
PORTAL = ("Location: /portal",)
STATUS_MATRIX = [
    ("html-200", Reply(body=HTML), "temporary", "html"),
    ("empty-200", Reply(), "unknown", "no-receipt"),
    ("json-without-code", Reply(body={"hello": 1}), "unknown", "no-receipt"),
    ("a-list", Reply(body=[0]), "unknown", "no-receipt"),
    ("302", Reply(302, b"", PORTAL), "temporary", UNREACHABLE),
    ("307", Reply(307, HTML, PORTAL), "temporary", UNREACHABLE),
    ("201-empty", Reply(201), "unknown", "no-receipt"),
    ("204", Reply(204), "unknown", "no-receipt"),
    ("400", Reply(400), "permanent", "400"),
    ("404", Reply(404, HTML), "temporary", UNREACHABLE),
    ("429", Reply(429, b"", ("Retry-After: 321",)), "temporary", RATE),
    (
        "429-until",
        Reply(429, b"", ("Retry-After: Mon, 23 Nov 2026 00:35:21 GMT",)),
        "temporary",
        RATE,
    ),
    ("429-bare", Reply(429, HTML), "temporary", RATE),
    ("500", Reply(500, HTML), "temporary", "500"),
    ("503", Reply(503, b"", ("Retry-After: 321",)), "temporary", "503"),
    ("502", Reply(502, HTML), "unknown", "502"),
    ("504", Reply(504, HTML), "unknown", "504"),
    ("drop-before", Reply(how="drop-before"), "unknown", "no-answer"),
    ("drop-after", Reply(how="drop-after"), "unknown", "no-answer"),
    ("half", Reply(body=b"x" * 90, how="half"), "unknown", "no-answer"),
    ("slow", Reply(how="silent"), "unknown", "no-answer"),
]


@pytest.mark.parametrize("case", STATUS_MATRIX, ids=[case[0] for case in STATUS_MATRIX])
def test_what_an_answer_without_receipt_makes_of_a_letter(
    kind: Kind, opened: Open, fake: FakeWeb, case: tuple[str, Reply, str, str]
) -> None:
    _, reply, became, code = case
    patience = 0.15 if reply.how == "silent" else 5
    found = outcome_of(opened, fake, kind, reply, read_seconds=patience)
    assert (found.kind, found.code) == (became, code)
    assert found.detail
    asked = reply.how != "drop-before"
    assert len(fake.asked) == len(kind.first) + asked  # once, and no redirect followed
    if any("Retry-After" in line for line in reply.headers):
        assert found.retry_after == 321
    elif reply.status == 429:
        assert found.retry_after == 60


def test_a_refusal_in_a_200_is_told_apart_by_its_code(
    kind: Kind, opened: Open, fake: FakeWeb
) -> None:
    codes = [kind.rate[0], kind.channel, kind.letter, 4711]
    fake.replies = [*kind.first, *(Reply(body=kind.refusal(code)) for code in codes)]
    gateway = opened(kind.name, url_of(kind, fake.url))
    rate, channel, about_text, other = (send(gateway, kind) for _ in codes)
    assert (rate.kind, rate.code, rate.retry_after) == ("temporary", RATE, kind.rate[1])
    assert (channel.kind, channel.code) == ("temporary", UNREACHABLE)
    assert (about_text.kind, about_text.code) == ("permanent", str(kind.letter))
    assert (other.kind, other.code) == ("temporary", "4711")


def test_the_code_in_the_body_of_a_400_is_read_too(opened: Open, fake: FakeWeb) -> None:
    kind = KINDS["feishu"]
    found = outcome_of(opened, fake, kind, Reply(400, kind.refusal(11232)))
    assert (found.kind, found.code) == ("temporary", RATE)


def test_an_error_status_beats_a_friendly_body(kind: Kind, opened: Open, fake: FakeWeb) -> None:
    assert outcome_of(opened, fake, kind, Reply(502, kind.taken)).kind == "unknown"
    assert outcome_of(opened, fake, kind, Reply(302, kind.taken, PORTAL)).code == UNREACHABLE


def test_nobody_listening_is_the_channels_fault(kind: Kind, opened: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    found = send(opened(kind.name, url_of(kind, f"http://127.0.0.1:{port}")), kind)
    assert (found.kind, found.code) == ("temporary", UNREACHABLE)


def test_a_certificate_is_checked_before_a_key_is_sent(
    kind: Kind, opened: Open, certificate: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with FakeWeb(context) as fake:
        fake.replies = [*kind.first, Reply(body=kind.taken)]
        if kind.name != "sms":  # its host= is in the URL itself: http on this machine without ca=
            found = send(opened(kind.name, url_of(kind, fake.url)), kind)
            assert (found.code, "证书不可信" in found.detail) == (UNREACHABLE, True)
            assert fake.asked == []
        trusted = f"&ca={quote(str(certificate.with_suffix('.crt')), safe='')}"
        found = send(opened(kind.name, url_of(kind, fake.url, trusted)), kind)
        assert found.kind == "sent"


# What each service is told


def test_wecom_bot_is_told_markdown_or_text(opened: Open, fake: FakeWeb) -> None:
    kind = KINDS["bot"]
    outcome_of(opened, fake, kind, Reply(body=OK))
    outcome_of(opened, fake, kind, Reply(body=OK), form="text")
    first, second = fake.asked
    assert (first.path, first.query) == ("/cgi-bin/webhook/send", {"key": SECRET})
    assert first.json == {"msgtype": "markdown", "markdown": {"content": letter(kind).text}}
    assert second.json == {"msgtype": "text", "text": {"content": letter(kind).text}}
    assert "一、今天到期".encode() in first.body  # UTF-8 and no escapes: limits are in bytes


def test_dingtalk_signs_as_the_document_says_and_escapes_once(opened: Open, fake: FakeWeb) -> None:
    moment = datetime.fromtimestamp(1_700_000_000, SHANGHAI)
    assert dingtalk.sign("this is secret", moment) == DING_VECTOR
    kind = KINDS["ding"]
    outcome_of(opened, fake, kind, Reply(body=OK))
    [asked] = fake.asked
    assert asked.query["access_token"] == "tok-hush"
    expected = dingtalk.sign(SECRET, NOW)
    assert asked.target.endswith(expected)
    assert "%25" not in asked.target
    assert asked.json["markdown"]["title"] == letter(kind).subject


def test_feishu_signs_with_the_text_as_key(opened: Open, fake: FakeWeb) -> None:
    moment = datetime.fromtimestamp(1_700_000_000, SHANGHAI)
    assert feishu.sign("demo", moment) == {"timestamp": "1700000000", "sign": FEISHU_VECTOR}
    kind = KINDS["feishu"]
    outcome_of(opened, fake, kind, Reply(body=kind.taken))
    [asked] = fake.asked
    assert asked.path == "/open-apis/bot/v2/hook/tok-hush"
    assert {key: asked.json[key] for key in ("timestamp", "sign")} == feishu.sign(SECRET, NOW)
    assert asked.json["card"]["elements"][0]["content"] == letter(kind).text


def test_feishus_older_receipt_is_understood(opened: Open, fake: FakeWeb) -> None:
    old = Reply(body={"StatusCode": 0, "StatusMessage": "success"})
    assert outcome_of(opened, fake, KINDS["feishu"], old).kind == "sent"


def test_wecom_app_drops_second_copies_and_keeps_its_token(opened: Open, fake: FakeWeb) -> None:
    kind = KINDS["wecom"]
    fake.replies = [TOKEN, Reply(body=kind.taken)]
    gateway = opened(kind.name, url_of(kind, fake.url))
    assert [send(gateway, kind).kind for _ in range(2)] == ["sent", "sent"]
    token, first, second = fake.asked
    assert token.query == {"corpid": "corp", "corpsecret": SECRET}
    assert first.query == second.query == {"access_token": "tok-hush-1"}
    told = first.json
    assert (told["touser"], told["agentid"]) == ("zhangsan", 1000002)
    assert (told["enable_duplicate_check"], told["duplicate_check_interval"]) == (1, 14400)


def test_wecom_app_fetches_a_new_token_once(opened: Open, fake: FakeWeb) -> None:
    kind = KINDS["wecom"]
    new = Reply(body={"errcode": 0, "access_token": "tok-2"})
    stale = Reply(body=kind.refusal(42001))
    fake.replies = [TOKEN, Reply(body=OK), stale, new, Reply(body=OK), stale, new, stale]
    gateway = opened(kind.name, url_of(kind, fake.url))
    assert [send(gateway, kind).kind for _ in range(3)] == ["sent", "sent", "temporary"]
    assert len(fake.asked) == 8


@pytest.mark.parametrize("extra", [{"invaliduser": "zhangsan"}, {"unlicenseduser": "zhangsan"}])
def test_wecom_app_that_reached_nobody_is_no_success(
    opened: Open, fake: FakeWeb, extra: dict[str, str]
) -> None:
    found = outcome_of(opened, fake, KINDS["wecom"], Reply(body=OK | extra))
    assert found.kind == "permanent"
    assert (found.code == BAD_ADDRESS) == ("invaliduser" in extra)


@pytest.mark.parametrize("token", [Reply(how="drop-after"), Reply(), Reply(body={"errcode": 0})])
def test_without_a_token_nothing_was_sent(opened: Open, fake: FakeWeb, token: Reply) -> None:
    kind = KINDS["wecom"]
    fake.replies = [token]
    found = send(opened(kind.name, url_of(kind, fake.url)), kind)
    assert (found.kind, found.code) == ("temporary", "token")


def test_sms_sends_a_template_and_never_free_text(opened: Open, fake: FakeWeb) -> None:
    kind = KINDS["sms"]
    outcome_of(opened, fake, kind, Reply(body=kind.taken))
    [asked] = fake.asked
    told = asked.json
    assert (told["template"], told["phone"]) == ("SMS_1", "13800000000")
    assert told["params"] == {"name": "联络员待填", "day": "11月23日"}
    assert told["request_id"] == digest_of(letter(kind).id)
    stamp = asked.headers["x-duban-timestamp"]
    assert asked.headers["x-duban-signature"] == sms.sign(SECRET, stamp, asked.body)
    for free in ("打通堵点", "待办", "1000"):
        assert free.encode() not in asked.body


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "digest"}, "no-template"),
        ({"address": "sms:12345"}, BAD_ADDRESS),
        ({"address": "a@e.example"}, BAD_ADDRESS),
    ],
)
def test_sms_that_cannot_be_is_refused_unsent(
    opened: Open, fake: FakeWeb, changes: dict[str, str], code: str
) -> None:
    kind = KINDS["sms"]
    found = send(opened(kind.name, url_of(kind, fake.url)), kind, **changes)
    assert (found.kind, found.code, fake.asked) == ("permanent", code, [])


@pytest.mark.parametrize("given", ["13800000000", "+86 138-0000-0000", "8613800000000"])
def test_a_mobile_number_is_read(given: str) -> None:
    assert sms.phone_of(given) == "13800000000"


@pytest.mark.parametrize("user", ["", "@all", "zhang|li", "示例用户", "wecom:"])
def test_wecom_app_is_never_told_everybody(opened: Open, fake: FakeWeb, user: str) -> None:
    kind = KINDS["wecom"]
    found = send(opened(kind.name, url_of(kind, fake.url)), kind, address=f"wecom:{user}")
    assert (found.kind, found.code, fake.asked) == ("permanent", BAD_ADDRESS, [])


# Addresses, gateways and secrets


def test_a_person_may_have_several_ways(tmp_path: Path) -> None:
    known = {
        name: Channel(name, name, "", form=form)
        for name, form in {"mail": "mail", "wecom": "md", "bot": "md", "sms": "text"}.items()
    }
    channels = Channels(known, "mail", "bot", Sender("", "", ""), tmp_path)
    both = "a@e.example wecom:zhang sms:13800000000"
    assert [channels.for_address(to) for to in (both, "wecom:z", "bot", " ", "x:y")] == [
        "mail",
        "wecom",
        "bot",
        "bot",
        "mail",
    ]
    assert [part_for(known[name], both) for name in known] == [
        "a@e.example",
        "zhang",
        "",
        "13800000000",
    ]
    assert [part_for(known[name], "a@e.example") for name in known] == ["a@e.example", "", "", ""]


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example",
        "ftp://gateway.example",
        "https://u:p@gateway.example",
        "https://gateway.example/?x=1",
        "https://gateway.example:port",
        "https://a b",
        "https://a.example/b c",
        "https://a.example/网关",
        "https://a\r\nb",
        "gateway.example",
        "",
    ],
)
def test_a_gateway_is_reached_by_tls_or_on_this_machine(url: str, opened: Open) -> None:
    assert origin_of(url) is None
    if url:
        with pytest.raises(UsageError, match="认不出来"):
            opened("bot", f"dubanwecombot://key?host={quote(url, safe='')}")


def test_a_private_gateway_keeps_its_path() -> None:
    found = origin_of("https://gw.example:8443/wecom/")
    assert found is not None
    assert (found.name, found.prefix, found.secure) == ("gw.example:8443", "/wecom", True)


@pytest.mark.parametrize("url", ["dubanwecombot://", "dubanding://?secret=x", "dubanwecom://c:s@agent", "dubansms://h", "dubansms://a:s@h?params=text"])  # fmt: skip
def test_an_incomplete_url_is_told(url: str, opened: Open) -> None:
    with pytest.raises(UsageError, match="认不出来"):
        opened("x", url)


def test_no_key_reaches_a_log_or_an_outcome(
    kind: Kind, opened: Open, fake: FakeWeb, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    replies = [Reply(body=kind.refusal(kind.channel)), Reply(500), Reply(how="drop-after")]
    fake.replies = [*kind.first, *replies]
    gateway = opened(kind.name, url_of(kind, fake.url))
    said = " ".join(f"{send(gateway, kind)}" for _ in replies)
    said += "\n".join(record.getMessage() for record in caplog.records)
    said += str(gateway._opened[kind.name].plugin.url())
    assert not re.search("hush|%2Fhush|13800000000", said)


def test_retry_after_is_seconds_or_a_date() -> None:
    assert seconds_of("120", NOW) == 120
    assert seconds_of("Mon, 23 Nov 2026 00:31:00 GMT", NOW) == 60
    assert seconds_of("99999999999", NOW) == timedelta(days=1).total_seconds()
    assert [seconds_of(said, NOW) for said in ("soon", "", "-5")] == [None, None, None]


# What channels.yaml shows


def shown_examples() -> list[str]:
    text = (ROOT / "config" / "channels.yaml").read_text(encoding="utf-8")
    return [line[1:] for line in text.splitlines() if line.startswith("#  - {")]


def test_the_examples_in_the_configuration_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = shown_examples()
    shipped = (ROOT / "config" / "channels.yaml").read_text(encoding="utf-8")
    (tmp_path / "config").mkdir()
    whole = "\n".join([shipped, *examples]).replace("单位", "unit")
    (tmp_path / "config" / "channels.yaml").write_text(whole, encoding="utf-8")
    for name in re.findall(r"\$\{env:(\w+)\}", "".join(examples)):
        monkeypatch.setenv(name, SECRET)
    issues = Issues()
    channels = load_channels(Home(tmp_path), issues)
    assert list(issues) == []
    assert {"group", "ding", "feishu", "wecom", "sms", "ops"} < set(channels.by_id)
    with Gateway(channels, Home(tmp_path)) as gateway:
        for name in ("group", "ding", "feishu", "wecom", "sms"):
            gateway.open(name)
            assert channels.rates_of(name)


@pytest.mark.parametrize(
    "url",
    [
        "dubanwecombot://693a91f6",
        "dubanding://${env:T}?secret=SEC1",
        "dubanfeishu://token?secret=${env:S}",
        "dubanwecom://corp:secret@1",
        "dubansms://app:secret@h.example/?day=1",
    ],
)
def test_a_key_in_the_file_is_told(tmp_path: Path, url: str) -> None:
    (tmp_path / "config").mkdir()
    text = f"default: x\nlost: x\nchannels:\n  - {{id: x, url: '{url}'}}\n"
    (tmp_path / "config" / "channels.yaml").write_text(text, encoding="utf-8")
    issues = Issues()
    load_channels(Home(tmp_path), issues)
    assert [issue.code for issue in issues] == ["channel-secret"]
