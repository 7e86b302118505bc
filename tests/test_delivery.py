"""Channels and delivery: configuration, secrets, and that a message arrives once through a maildir."""

from __future__ import annotations

import email
import email.charset
import email.policy
import http.server
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from duban.errors import Issues, UsageError
from duban.ledger import outbox
from duban.ledger.outbox import Letter
from duban.ledger.store import Ledger, open_ledger
from duban.ledger.tables import message
from duban.settings import Home
from notifier.config import Channel, Channels, load_channels
from notifier.deliver import Report, deliver_due
from notifier.envelope import letters_of
from notifier.gateway import Gateway, _by_stock, _Opened
from notifier.mime import digest_of
from notifier.render import render
from test_notifier import NOW, bundle, letter

ROOT = Path(__file__).parents[1]


# Channels and their configuration


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    (tmp_path / "config").mkdir()
    for name in ("channels.yaml", "duban.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path / "config" / name)
    for name in ("DUBAN_SMTP_URL", "DUBAN_SMTP_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    return Home(tmp_path)


def configured(home: Home, text: str) -> tuple[Channels, list[str]]:
    (home.config / "channels.yaml").write_text(text, encoding="utf-8")
    issues = Issues()
    return load_channels(home, issues), [issue.code for issue in issues]


def one_channel(url: str) -> str:
    return f"default: x\nlost: x\nchannels:\n  - {{id: x, url: '{url}'}}\n"


def test_the_shipped_channels_need_no_server(home: Home) -> None:
    issues = Issues()
    channels = load_channels(home, issues)
    assert list(issues) == []
    assert channels.url_of("mail") == "dubanmaildir://mail"
    assert channels.policy == {"mail": "resend", "inbox": "resend"}
    chosen = [channels.for_address(to) for to in ("a@e.example", "inbox", "")]
    assert chosen == ["mail", "inbox", "inbox"]
    assert channels.sender.domain == "xinzheng.example"


def test_a_mail_server_takes_the_maildirs_place(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.root / "url").write_text("dubanmail://127.0.0.1:2525\n")
    monkeypatch.setenv("DUBAN_SMTP_URL_FILE", str(home.root / "url"))
    assert load_channels(home, Issues()).url_of("mail") == "dubanmail://127.0.0.1:2525"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("dingtalk://token", "channel-refused"),
        ("mailto://u@e.example", "channel-refused"),
        ("https://oapi.dingtalk.com/robot/send?access_token=x", "channel-refused"),
        ("dubanmail://u:secret@e.example", "channel-secret"),
        ("dubanmail://${ENV:X}@e.example", "channel-reference"),
        ("somewhere", "channel-url"),
    ],
)
def test_a_bad_url_is_told_with_its_line(home: Home, url: str, code: str) -> None:
    assert configured(home, one_channel(url))[1] == [code]


def test_misspelt_doubled_and_dangling_names_are_told(home: Home) -> None:
    text = "default: post\nchanels: []\nchannels:\n"
    text += "  - {id: inbox, url: 'dubaninbox://'}\n  - {id: inbox, url: 'dubaninbox://'}\n"
    text += "  - {id: Bad Id, url: 'dubaninbox://', limit: 20, on_unknown: maybe}\n"
    found = configured(home, text)[1]
    assert sorted(found) == [
        "channel-id",
        "channel-limit",
        "channel-twice",
        "channel-unknown",
        "not-a-choice",
        "unknown-key",
    ]


def test_secrets_are_fetched_when_used_and_quoted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = one_channel("dubanmail://${env:T_USER}:${file:pw}@e.example")
    channels, codes = configured(home, text)
    assert codes == []
    with pytest.raises(UsageError, match="T_USER 没有设置"):
        channels.url_of("x")
    monkeypatch.setenv("T_USER", "a@b")
    with pytest.raises(UsageError, match="pw 读不出来"):
        channels.url_of("x")
    (home.root / "pw").write_text("p/w:?\n")
    assert channels.url_of("x") == "dubanmail://a%40b:p%2Fw%3A%3F@e.example"
    assert "p/w" not in repr(channels)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("wecombot://a", "不能用"),
        ("https://oapi.dingtalk.com/robot/send?access_token=" + "a" * 40, "不能用"),
        ("nosuchthing://a", "认不出来"),
        ("dubanmail://h?mode=loud", "认不出来"),
        ("dubanmaildir://../../etc", "必须在 var/ 里面"),
    ],
)
def test_a_url_from_the_environment_is_judged_too(
    home: Home, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("DUBAN_SMTP_URL", url)
    with (
        Gateway(load_channels(home, Issues()), home) as gateway,
        pytest.raises(UsageError, match=words),
    ):
        gateway.open("mail")


def test_importing_the_notifier_leaves_apprise_alone() -> None:
    code = "import sys, notifier, notifier.render, notifier.deliver, notifier.envelope;"
    code += "sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_apprise_does_not_change_how_this_process_writes_mail(home: Home) -> None:
    before = email.charset.CHARSETS["utf-8"]
    with Gateway(load_channels(home, Issues()), home) as gateway:
        gateway.open("mail")
    assert email.charset.CHARSETS["utf-8"] == before


# Delivery


@pytest.fixture
def ledger_here(home: Home) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{home.root}/l.sqlite3", ask=lambda: NOW, durable=False)
    yield ledger
    ledger.close()


def put(ledger: Ledger, *letters: Letter) -> None:
    with ledger.write("remind") as writing:
        outbox.queue(writing, letters)


def deliver(ledger: Ledger, home: Home, now: datetime = NOW, **more: Any) -> Report:
    return deliver_due(ledger, home, load_channels(home, Issues()), now, "test", **more)


def maildir(home: Home) -> list[Path]:
    return sorted((home.var / "mail" / "new").iterdir())


def states(ledger: Ledger) -> dict[str, str]:
    with ledger.read() as conn:
        return {one.id: one.state for one in conn.execute(sa.select(message))}


def test_from_lines_to_a_mail_that_can_be_read(home: Home, ledger_here: Ledger) -> None:
    (home.var / "files").mkdir(parents=True)
    (home.var / "files" / "附表.xlsx").write_bytes(b"PK")
    channels = load_channels(home, Issues())
    letters = letters_of(bundle(), channels, NOW, attachments=["files/附表.xlsx"])
    put(ledger_here, *letters)
    assert deliver(ledger_here, home) == Report(sent=1)
    (file,) = maildir(home)
    assert file.name == digest_of("day:2026-11-23:scjgj/liaison")
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert mail["Subject"] == render(bundle()).subject
    assert [part.get_filename() for part in mail.iter_attachments()] == ["附表.xlsx"]
    assert list((home.var / "mail" / "tmp").iterdir()) == []


def test_a_maildir_never_holds_a_message_twice(home: Home, ledger_here: Ledger) -> None:
    put(ledger_here, letter())
    deliver(ledger_here, home)
    (file,) = maildir(home)
    read = home.var / "mail" / "cur" / f"{file.name}:2,S"
    for moved_to in (file, read):
        file.rename(moved_to)
        with ledger_here.write("test") as writing:  # as after a crash before settling
            writing.conn.execute(message.update().values(state="queued"))
        assert deliver(ledger_here, home) == Report(sent=1)
        assert moved_to.exists()
    assert maildir(home) == []


def test_a_message_without_address_waits_in_the_offices_inbox(
    home: Home, ledger_here: Ledger
) -> None:
    channels = load_channels(home, Issues())
    put(ledger_here, *letters_of(bundle(address=""), channels, NOW))
    assert deliver(ledger_here, home) == Report(sent=1)
    assert not (home.var / "mail").exists()


@pytest.mark.parametrize(
    "changes",
    [{"attachments": ("../secret",)}, {"attachments": ("none.pdf",)}, {"address": "坏@e.example"}],
)
def test_what_can_never_be_sent_fails_and_says_why(
    home: Home, ledger_here: Ledger, changes: dict[str, Any]
) -> None:
    (home.root / "secret").write_text("x")
    put(ledger_here, letter(**changes), letter("good"))
    assert deliver(ledger_here, home) == Report(sent=1, failed=1)
    assert len(maildir(home)) == 1


def test_a_full_disk_or_missing_channel_keeps_everything(home: Home, ledger_here: Ledger) -> None:
    home.var.mkdir()
    (home.var / "mail").write_text("in the way")
    put(ledger_here, *(letter(f"m{n}") for n in range(25)), letter("x", channel="gone"))
    report = deliver(ledger_here, home)
    assert (report.sent, report.failed, len(report.problems)) == (0, 0, 2)
    assert set(states(ledger_here).values()) == {"queued"}
    (home.var / "mail").unlink()
    assert deliver(ledger_here, home, NOW + timedelta(minutes=1)).sent == 25


def test_a_round_keeps_its_limit_and_tells_progress(home: Home, ledger_here: Ledger) -> None:
    put(ledger_here, *(letter(f"m{n:02}") for n in range(50)))
    told: list[Report] = []
    assert deliver(ledger_here, home, limit=30, progress=told.append) == Report(sent=30)
    assert [report.sent for report in told] == [20, 30]
    assert deliver(ledger_here, home) == Report(sent=20)


def test_an_interrupted_round_gives_back_what_it_did_not_send(
    home: Home, ledger_here: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Gateway._send
    monkeypatch.setattr(Gateway, "_send", stop_at("m2", real))
    put(ledger_here, *(letter(f"m{n}") for n in range(5)))
    with pytest.raises(KeyboardInterrupt):
        deliver(ledger_here, home)
    monkeypatch.setattr(Gateway, "_send", real)
    assert [key for key, state in states(ledger_here).items() if state == "sent"] == ["m0", "m1"]
    assert deliver(ledger_here, home) == Report(sent=2)  # m3, m4: surely not sent
    assert deliver(ledger_here, home, NOW + timedelta(minutes=2)) == Report(sent=1)


def test_what_fails_before_the_fence_has_surely_not_left(home: Home, ledger_here: Ledger) -> None:
    def breaks_off(one: Letter) -> Letter:
        raise RuntimeError(one.id)

    put(ledger_here, letter("m0"))
    with pytest.raises(RuntimeError):
        deliver(ledger_here, home, prepare=breaks_off)
    with ledger_here.read() as conn:
        assert conn.scalar(sa.select(message.c.handed_over)) == 0
    assert deliver(ledger_here, home, NOW + timedelta(minutes=2)) == Report(sent=1)


def stop_at(key: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Gateway, opened: Any, one: Letter, *more: Any) -> Any:
        if one.id == key:
            raise KeyboardInterrupt
        return real(self, opened, one, *more)

    return send


WORKER = """
import sys
from datetime import datetime
from duban.errors import Issues
from duban.ledger.store import open_ledger
from duban.settings import Home
from notifier.config import load_channels
from notifier.deliver import deliver_due
from pathlib import Path
root, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
ledger = open_ledger(f"sqlite:///{root}/l.sqlite3", ask=lambda: now, durable=False)
home = Home(root)
def told(report):
    print(report.sent, flush=True)
    if report.sent >= 60:
        sys.stdin.read(1)
deliver_due(ledger, home, load_channels(home, Issues()), now, "sub", progress=told)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    home: Home, ledger_here: Ledger, how: signal.Signals
) -> None:
    put(ledger_here, *(letter(f"m{n:03}", text=f"第{n}件") for n in range(200)))
    command = [sys.executable, "-c", WORKER, str(home.root), NOW.isoformat()]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        for said in worker.stdout:
            # SIGTERM in the middle of a running round, SIGKILL wherever it is after two batches.
            if int(said) >= 40:
                os.kill(worker.pid, how)
                break
        if worker.stdin is not None:
            worker.stdin.close()
        assert worker.wait(20) == -how
    done = [key for key, state in states(ledger_here).items() if state == "sent"]
    assert 40 <= len(done) < 200
    if how is signal.SIGTERM:
        with ledger_here.read() as conn:
            assert outbox.stats(conn).sending == 0
        assert len(done) == len(maildir(home))
    now, rounds = NOW + timedelta(minutes=2), 0
    while "queued" in states(ledger_here).values() and rounds < 3:
        deliver(ledger_here, home, now)
        rounds += 1
    assert set(states(ledger_here).values()) == {"sent"}
    assert sorted(file.name for file in maildir(home)) == sorted(
        digest_of(f"m{n:03}") for n in range(200)
    )


# Stock Apprise channels


class Hook(http.server.BaseHTTPRequestHandler):
    """A web hook that answers with the server's code and keeps quiet."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(getattr(self.server, "code", 200))

    def do_GET(self) -> None:  # the portal that a redirect leads to
        self.answer(200)

    def answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Location", "/portal")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("code", "state"), [(200, "sent"), (500, "unknown"), (302, "unknown")])
def test_a_stock_channel_is_believed_only_when_it_says_yes(
    home: Home, ledger_here: Ledger, hook: http.server.HTTPServer, code: int, state: str
) -> None:
    hook.code = code  # type: ignore[attr-defined]
    configured(home, one_channel(f"json://127.0.0.1:{hook.server_port}/督办"))
    put(ledger_here, letter("m", channel="x"))
    deliver(ledger_here, home)
    assert states(ledger_here) == {"m": state}


class Answer:
    """What Apprise 2 says: neither True nor equal to it, only true or false."""

    def __init__(self, *, good: bool) -> None:
        self._good = good

    def __bool__(self) -> bool:
        return self._good


@pytest.mark.parametrize(("good", "kind"), [(True, "sent"), (False, "unknown")])
def test_a_newer_apprise_is_asked_only_whether_its_answer_is_true(good: bool, kind: str) -> None:
    channel = Channel("x", "x", "json://e.example", form="text")
    opened = _Opened(lambda **_: Answer(good=good), None, ours=False, channel=channel)
    assert _by_stock(opened, letter(), 5).kind == kind


def test_no_secret_reaches_a_log_even_at_debug(
    home: Home,
    ledger_here: Ledger,
    hook: http.server.HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("T_KEY", "hush-hush")
    url = f"json://u:${{env:T_KEY}}@127.0.0.1:{hook.server_port}/${{env:T_KEY}}?:k=${{env:T_KEY}}"
    text = one_channel(url) + "  - {id: y, url: 'nosuch://${env:T_KEY}@h/${env:T_KEY}'}\n"
    assert configured(home, text)[1] == []
    with Gateway(load_channels(home, Issues()), home) as gateway:
        for name in ("apprise", "urllib3.connectionpool"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        with pytest.raises(UsageError) as told:
            gateway.open("y")
        for code in (200, 500):
            hook.code = code  # type: ignore[attr-defined]
            list(gateway.send_many("x", [letter()], lambda: NOW))
        for name in ("apprise", "urllib3.connectionpool"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        list(gateway.send_many("x", [letter()], lambda: NOW))
    logging.getLogger("apprise").warning("failed at %s", "https://h/robot?key=hush-hush")
    assert "failed at （地址略）" in caplog.messages
    said = "\n".join(record.getMessage() for record in caplog.records) + str(told.value)
    assert "hush" not in said
