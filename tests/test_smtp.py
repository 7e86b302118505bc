"""Mail over real SMTP on the loopback: what the server does decides what becomes of a letter."""

from __future__ import annotations

import base64
import email
import email.policy
import logging
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from duban.clock import SHANGHAI
from duban.errors import Issues
from duban.ledger import outbox
from duban.ledger.outbox import BAD_ADDRESS, UNREACHABLE, Letter
from duban.ledger.store import Ledger, open_ledger
from duban.ledger.tables import attempt, message
from duban.settings import Home
from notifier.config import Channels, load_channels
from notifier.deliver import Report, deliver_due
from notifier.mime import message_id
from notifier.smtp import Server, SmtpPool

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)
MAIL = b"Subject: x\r\n\r\n.dot\r\nbody\r\n"


@dataclass
class Postman:
    """A mail server's decisions: what it says to a recipient or a mail, and what it has taken."""

    refuse: dict[str, str] = field(default_factory=dict)
    drop_after_data: int = 0
    after_data: str = ""
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)

    async def handle_RCPT(self, server, session, envelope, address, options):  # type: ignore[no-untyped-def]  # noqa: N802
        self.connections.add(session.peer)
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # type: ignore[no-untyped-def]  # noqa: N802
        self.taken += [(address, envelope.content) for address in envelope.rcpt_tos]
        if self.drop_after_data:
            self.drop_after_data -= 1
            server.transport.abort()
        return self.after_data or "250 taken"

    @property
    def mails(self) -> list[EmailMessage]:
        parse = email.message_from_bytes
        return [parse(raw, policy=email.policy.default) for _, raw in self.taken]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Start = Callable[..., int]


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def start(postman: Postman) -> Iterator[Start]:
    running = []

    def begin(**settings: Any) -> int:
        port = free_port()
        controller = Controller(postman, hostname="127.0.0.1", port=port, **settings)
        controller.start()
        running.append(controller)
        return port

    yield begin
    for controller in running:
        controller.stop()


@pytest.fixture
def pool(start: Start) -> Iterator[SmtpPool]:
    pool = SmtpPool(Server("127.0.0.1", start(), "plain"))
    yield pool
    pool.close()


def test_each_recipient_has_an_outcome_of_its_own(pool: SmtpPool, postman: Postman) -> None:
    postman.refuse = {
        "gone@e.example": "550 5.1.1 no such user",
        "grey@e.example": "451 4.7.1 greylisted",
        "spam@e.example": "550 5.7.1 policy",
    }
    people = ["a@e.example", *postman.refuse, "b@e.example", "坏@e.example", "x@e\r\nDATA"]
    found = pool.send("duban@e.example", people, MAIL)
    kinds = {each: (outcome.kind, outcome.code) for each, outcome in found.items()}
    assert kinds == {
        "a@e.example": ("sent", "250"),
        "gone@e.example": ("permanent", BAD_ADDRESS),
        "grey@e.example": ("temporary", "451"),
        "spam@e.example": ("permanent", "550"),
        "b@e.example": ("sent", "250"),
        "坏@e.example": ("permanent", BAD_ADDRESS),
        "x@e\r\nDATA": ("permanent", BAD_ADDRESS),
    }
    assert [who for who, _ in postman.taken] == ["a@e.example", "b@e.example"]
    assert postman.taken[0][1] == MAIL


def test_one_connection_serves_many_mails(pool: SmtpPool, postman: Postman) -> None:
    for n in range(30):
        assert pool.send("d@e.example", [f"u{n}@e.example"], MAIL)[f"u{n}@e.example"].kind == "sent"
    assert (len(postman.taken), len(postman.connections)) == (30, 1)


def test_a_connection_closed_while_idle_is_opened_again(pool: SmtpPool, postman: Postman) -> None:
    postman.drop_after_data = 1
    first = pool.send("d@e.example", ["a@e.example"], MAIL)
    assert first["a@e.example"].kind == "unknown"
    pool.send("d@e.example", ["b@e.example"], MAIL)
    pool._idle[0].sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    assert pool.send("d@e.example", ["c@e.example"], MAIL)["c@e.example"].kind == "sent"
    assert len(postman.connections) == 3


@pytest.mark.parametrize(("said", "kind"), [("554 spam", "permanent"), ("452 full", "temporary")])
def test_a_refusal_after_the_mail_is_believed(
    pool: SmtpPool, postman: Postman, said: str, kind: str
) -> None:
    postman.after_data = said
    outcome = pool.send("d@e.example", ["a@e.example"], MAIL)["a@e.example"]
    assert (outcome.kind, outcome.code) == (kind, said[:3])


def test_a_silent_server_leaves_the_mail_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        pool = SmtpPool(Server("127.0.0.1", listening.getsockname()[1], "plain", read_seconds=0.2))
        talk = b"220 hi\r\n250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n"  # and then nothing

        done = threading.Event()

        def answer() -> None:
            with listening.accept()[0] as line:
                line.sendall(talk)
                done.wait(10)

        thread = threading.Thread(target=answer)
        thread.start()
        found = pool.send("d@e.example", ["a@e.example"], MAIL)["a@e.example"]
        done.set()
        thread.join()
        pool.close()
    assert (found.kind, found.code) == ("unknown", "no-answer")


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def outcome_with(port: int, mode: str, **settings: str) -> outbox.Outcome:
    pool = SmtpPool(Server("127.0.0.1", port, mode, **settings))  # type: ignore[arg-type]
    try:
        return pool.send("d@e.example", ["a@e.example"], MAIL)["a@e.example"]
    finally:
        pool.close()


def test_tls_is_checked_and_never_given_up(start: Start, certificate: Path) -> None:
    trusted = str(certificate.with_suffix(".crt"))
    context = server_tls(certificate)
    tls, offers, bare = start(ssl_context=context), start(tls_context=context), start()
    assert outcome_with(tls, "ssl", ca_file=trusted).kind == "sent"
    assert outcome_with(offers, "starttls", ca_file=trusted).kind == "sent"
    told = {
        "证书不可信": outcome_with(tls, "ssl"),
        "没有改用明文": outcome_with(bare, "starttls", ca_file=trusted),
    }
    for words, outcome in told.items():
        assert (outcome.kind, outcome.code) == ("temporary", UNREACHABLE)
        assert words in outcome.detail


def test_the_systems_certificates_are_read_once_for_a_pool(
    start: Start, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = ssl.create_default_context

    def counted(*given: Any, **more: Any) -> ssl.SSLContext:
        made.append("one")
        return real(*given, **more)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    port = start(ssl_context=server_tls(certificate))
    made.clear()
    pool = SmtpPool(Server("127.0.0.1", port, "ssl", ca_file=str(certificate.with_suffix(".crt"))))
    for _ in range(3):
        assert pool.send("d@e.example", ["a@e.example"], MAIL)["a@e.example"].kind == "sent"
        pool.close()
    assert len(made) == 1


def test_a_wrong_password_stops_the_channel_not_the_letter(start: Start) -> None:
    def nobody(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    port = start(authenticator=nobody, auth_require_tls=False)
    outcome = outcome_with(port, "plain", user="duban", password="hush-hush")
    assert outcome.code == UNREACHABLE
    assert "不认这个账号或口令" in outcome.detail
    assert "hush" not in outcome.detail


@dataclass
class Office:
    """A ledger with letters, a mail server's address, and a clock that is told."""

    ledger: Ledger
    home: Home
    now: datetime = NOW

    def queue(self, *names: str, **changes: str) -> None:
        with self.ledger.write("remind") as writing:
            outbox.queue(writing, [self.letter(name, **changes) for name in names])

    def letter(self, name: str, subject: str = "【提醒】1件待办") -> Letter:
        to = f"{name}@xinzheng.example"
        html, text = "<p>请办理</p>", "请办理"
        return Letter(
            id=f"day:2026-11-23:{name}/liaison",
            kind="day",
            unit=name,
            post="liaison",
            person="联络员（待填）",
            address=to,
            channel="mail",
            subject=subject,
            text=text,
            html=html,
            attachments=(),
            urgent=False,
            not_before=NOW,
        )

    def channels(self) -> Channels:
        return load_channels(self.home, Issues())

    def deliver(self, minutes: float = 0) -> Report:
        self.now += timedelta(minutes=minutes)
        return deliver_due(self.ledger, self.home, self.channels(), self.now, "test")

    def state(self, name: str) -> str:
        key = f"day:2026-11-23:{name}/liaison"
        with self.ledger.read() as conn:
            return str(conn.scalar(sa.select(message.c.state).where(message.c.id == key)))


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    (tmp_path / "config").mkdir()
    for name in ("channels.yaml", "duban.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path / "config" / name)
    for name in ("DUBAN_SMTP_URL", "DUBAN_SMTP_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    ledger = open_ledger(f"sqlite:///{tmp_path}/l.sqlite3", ask=lambda: NOW, durable=False)
    yield Office(ledger, Home(tmp_path))
    ledger.close()


@pytest.fixture
def posted(office: Office, start: Start, monkeypatch: pytest.MonkeyPatch) -> Office:
    url = f"dubanmail://127.0.0.1:{start()}?from=post%40xinzheng.example"
    monkeypatch.setenv("DUBAN_SMTP_URL", url)
    return office


def test_a_days_mail_arrives_whole(posted: Office, postman: Postman) -> None:
    posted.queue("a", subject="督" * 300 + "\r\nBcc: x@evil.example")
    assert posted.deliver() == Report(sent=1)
    mail = postman.mails[0]
    assert mail["Subject"] == "督" * 300 + " Bcc: x@evil.example"
    assert mail["Bcc"] is None
    assert mail["From"].addresses[0].addr_spec == "post@xinzheng.example"
    assert mail["To"].addresses[0].display_name == "联络员（待填）"
    assert mail.get_all("Message-ID") == [
        message_id("day:2026-11-23:a/liaison", "xinzheng.example")
    ]
    assert mail["X-Notify-Id"] == "day:2026-11-23:a/liaison"
    assert "请办理" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert max(map(len, postman.taken[0][1].splitlines())) <= 998
    assert posted.deliver() == Report()


def test_one_bad_recipient_does_not_hold_up_the_others(posted: Office, postman: Postman) -> None:
    postman.refuse = {
        "b@xinzheng.example": "550 5.1.1 unknown",
        "c@xinzheng.example": "451 4.7.1 later",
    }
    posted.queue("a", "b", "c", "d")
    assert posted.deliver() == Report(sent=2, failed=1, retried=1)
    assert [posted.state(name) for name in "abcd"] == ["sent", "failed", "queued", "sent"]
    postman.refuse.clear()
    assert posted.deliver(minutes=1) == Report(sent=1)


def test_dropped_after_data_goes_again_under_the_same_number(
    posted: Office, postman: Postman
) -> None:
    postman.drop_after_data = 1
    posted.queue("a")
    assert posted.deliver() == Report(retried=1)
    assert posted.deliver(minutes=1) == Report(sent=1)
    numbers = [mail["Message-ID"] for mail in postman.mails]
    assert numbers[0] == numbers[1]
    assert len(numbers) == 2


def test_a_worker_that_died_while_sending_is_followed_by_the_same_number(
    posted: Office, postman: Postman
) -> None:
    posted.queue("a")
    ids = [one.id for one in outbox.claim(posted.ledger, "dead", NOW)]
    outbox.hand_over(posted.ledger, "dead", ids, NOW)
    assert posted.deliver() == Report()
    assert posted.deliver(minutes=2) == Report(sent=1)
    assert postman.mails[0]["Message-ID"] == message_id(ids[0], "xinzheng.example")


def test_a_server_that_is_down_loses_nothing(
    office: Office, start: Start, postman: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_SMTP_URL", f"dubanmail://127.0.0.1:{free_port()}")
    names = [f"u{n}" for n in range(45)]
    office.queue(*names)
    report = office.deliver()
    assert (report.sent, report.failed, report.retried) == (0, 0, 1)
    assert "连不上邮件服务器" in report.problems[0]
    with office.ledger.read() as conn:
        assert outbox.stats(conn).states == {"queued": 45}
    monkeypatch.setenv("DUBAN_SMTP_URL", f"dubanmail://127.0.0.1:{start()}")
    assert office.deliver(minutes=1) == Report(sent=45)
    assert len({mail["Message-ID"] for mail in postman.mails}) == len(postman.taken) == 45


def test_channels_that_work_are_served_while_one_is_down(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_SMTP_URL", f"dubanmail://127.0.0.1:{free_port()}")
    office.queue("a", "b")
    with office.ledger.write("remind") as writing:
        outbox.queue(writing, [replace(office.letter("c"), channel="inbox")])
    report = office.deliver()
    assert (report.sent, len(report.problems)) == (1, 1)
    assert office.state("c") == "sent"


# Every step at which a server may go away or say no; scripted, so that each is hit exactly


def scripted(said: bytes, *, then_close: bool = True) -> outbox.Outcome:
    """The outcome with a server that says all this at once, whatever it is told, and goes away."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0] as line:
                line.sendall(said)
                if then_close:
                    line.shutdown(socket.SHUT_WR)
                while line.recv(65_536):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        found = outcome_with(listening.getsockname()[1], "plain")
        thread.join()
    return found


HELLO = b"220 hi\r\n250 hi\r\n"
PIPELINING = b"220 hi\r\n250-hi\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
RULES = [
    ("busy-at-greeting", b"421 4.3.2 busy\r\n", "temporary", UNREACHABLE),
    ("gone-at-greeting", b"", "temporary", UNREACHABLE),
    ("refused-at-greeting", b"554 no\r\n", "temporary", UNREACHABLE),
    ("gone-before-sender", HELLO, "temporary", UNREACHABLE),
    ("sender-refused", HELLO + b"550 5.7.1 not you\r\n", "temporary", UNREACHABLE),
    ("gone-before-recipient", HELLO + b"250 ok\r\n", "temporary", "dropped"),
    ("recipient-later", HELLO + b"250 ok\r\n450 4.2.1 later\r\n250 ok\r\n", "temporary", "450"),
    ("recipient-421", HELLO + b"250 ok\r\n421 going\r\n", "temporary", "421"),
    ("recipient-forwarded", HELLO + b"250 ok\r\n251 will forward\r\n354 go\r\n250 ok\r\n", "sent", "250"),
    ("gone-before-data", HELLO + b"250 ok\r\n250 ok\r\n", "temporary", "dropped"),
    ("data-later", HELLO + b"250 ok\r\n250 ok\r\n451 4.3.0 later\r\n", "temporary", "451"),
    ("data-refused", HELLO + b"250 ok\r\n250 ok\r\n554 no mail here\r\n", "permanent", "554"),
    ("gone-after-the-dot", HELLO + b"250 ok\r\n250 ok\r\n354 go\r\n", "unknown", "no-answer"),
    ("receipt-later", HELLO + b"250 ok\r\n250 ok\r\n354 go\r\n452 full\r\n", "temporary", "452"),
    ("receipt-refused", HELLO + b"250 ok\r\n250 ok\r\n354 go\r\n554 spam\r\n", "permanent", "554"),
    ("pipelining-offered", PIPELINING + b"250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n", "sent", "250"),
    ("pipelining-sender-refused", PIPELINING + b"550 not you\r\n503 no sender\r\n", "temporary", UNREACHABLE),
    ("pipelining-gone", PIPELINING + b"250 ok\r\n", "temporary", "dropped"),
    ("pipelining-421", PIPELINING + b"250 ok\r\n421 going\r\n", "temporary", "421"),
    ("pipelining-refused", PIPELINING + b"250 ok\r\n550 5.1.1 nobody\r\n250 ok\r\n", "permanent", BAD_ADDRESS),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=[rule[0] for rule in RULES])
def test_where_a_server_says_no_decides_what_becomes_of_the_letter(
    rule: tuple[str, bytes, str, str],
) -> None:
    _, said, kind, code = rule
    found = scripted(said)
    assert (found.kind, found.code) == (kind, code)
    assert found.detail or found.kind == "sent"


@pytest.mark.parametrize("offered", [True, False], ids=["offered", "not-offered"])
def test_sender_and_recipient_go_together_only_where_the_server_offers_it(offered: bool) -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0] as line:
                line.sendall(b"220 hi\r\n")
                line.recv(65_536)
                line.sendall(b"250-hi\r\n250 PIPELINING\r\n" if offered else b"250 hi\r\n")
                heard.append(line.recv(65_536).upper())
                line.sendall(b"250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")
                while line.recv(65_536):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        found = outcome_with(listening.getsockname()[1], "plain")
        thread.join()
    assert found.kind == "sent"
    assert heard[0].count(b"MAIL FROM:") == 1
    assert heard[0].count(b"RCPT TO:") == offered
    assert b"DATA" not in heard[0]


def test_a_server_whose_certificate_is_for_another_host_gets_no_mail(
    start: Start, certificate: Path, postman: Postman
) -> None:
    port = start(ssl_context=server_tls(certificate))
    trusted = str(certificate.with_suffix(".crt"))
    pool = SmtpPool(Server("127.0.0.2", port, "ssl", ca_file=trusted))
    found = pool.send("d@e.example", ["a@e.example"], MAIL)["a@e.example"]
    pool.close()
    assert (found.kind, found.code, postman.taken) == ("temporary", UNREACHABLE, [])


@pytest.mark.parametrize("echo", [False, True], ids=["refused", "echoed"])
def test_no_password_reaches_an_attempt_a_message_or_a_log(
    posted: Office,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    echo: bool,
) -> None:
    caplog.set_level(logging.DEBUG)

    def nobody(_server: object, _session: object, _envelope: object, _how: str, given: Any) -> Any:
        said = f"535 5.7.8 {given.password.decode()}" if echo else None
        return AuthResult(success=False, handled=False, message=said)

    port = start(authenticator=nobody, auth_require_tls=False)
    url = f"dubanmail://duban:hush-hush@127.0.0.1:{port}?from=d%40xinzheng.example"
    monkeypatch.setenv("DUBAN_SMTP_URL", url)
    posted.queue("a")
    report = posted.deliver()
    with posted.ledger.read() as conn:
        kept = [str(row) for row in conn.execute(sa.select(attempt))]
        kept += [str(row) for row in conn.execute(sa.select(message))]
    ours = [one for one in caplog.records if one.name != "mail.log"]  # that one is the server's
    said = "\n".join([*kept, str(report), *(record.getMessage() for record in ours)])
    assert "不认这个账号或口令" in said
    assert "hush" not in said
    assert base64.b64encode(b"hush-hush").decode() not in said
