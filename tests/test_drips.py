"""A server that drips a byte now and then never times out on a read: the letter's own deadline ends it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from duban.ledger.outbox import UNREACHABLE, Outcome
from duban.settings import Home
from notifier.channels.base import NotifyDuban
from notifier.config import Channel, Channels
from notifier.deadline import Deadline
from notifier.gateway import Gateway
from notifier.mime import Sender
from notifier.smtp import Server, SmtpPool
from test_notifier import NOW, letter

DRIP_SECONDS = 0.02
WHOLE_SECONDS = 0.3  # of one letter; a step may take READ_SECONDS, which a drip never does
READ_SECONDS = 5.0
MAIL = b"Subject: x\r\n\r\n" + b"body\r\n" * 20_000


@contextmanager
def dripping(quick: bytes, drips: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that says ``quick`` at once and ``drips`` byte by byte, and reads all the while."""
    done = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def talk(line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            line.sendall(quick)
            for n in range(len(drips) * 1000):
                if done.wait(DRIP_SECONDS):
                    return
                line.sendall(drips[n % len(drips) :][:1])

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain = listening.accept()[0]
                line = tls.wrap_socket(plain, server_side=True) if tls else plain
                for work in (talk, _swallow):
                    threading.Thread(target=work, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        done.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _swallow(line: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while line.recv(65_536):
            pass


@pytest.fixture
def quick_to_end() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < READ_SECONDS / 2


def outcome_of(url: str, tmp_path: Path) -> Outcome:
    channel = Channel("x", "x", url, form="text")
    sender = Sender("duban@e.example", "督办", "e.example")
    gateway = Gateway(Channels({"x": channel}, "x", "x", sender, tmp_path), Home(tmp_path))
    with gateway:
        gateway.open("x")
        plugin = gateway._opened["x"].plugin
        if isinstance(plugin, NotifyDuban) and hasattr(plugin, "web"):
            plugin.web.read_seconds = READ_SECONDS
        letters = [replace(letter(), channel="x", address="x", attachments=())]
        [(_, outcome)] = gateway.send_many("x", letters, lambda: NOW, WHOLE_SECONDS)
    return outcome


HEAD = b"HTTP/1.1 200 x\r\nContent-Length: 90000\r\n\r\n"


@pytest.mark.parametrize(
    ("quick", "drips"), [(b"HTTP/1.1 200 x\r\nX-Y: ", b"a"), (HEAD, b" "), (b"", b"H")]
)
@pytest.mark.usefixtures("quick_to_end")
def test_a_web_service_that_drips_its_answer_leaves_the_letter_unknown(
    tmp_path: Path, quick: bytes, drips: bytes
) -> None:
    with dripping(quick, drips) as port:
        host = quote(f"http://127.0.0.1:{port}", safe="")
        found = outcome_of(f"dubanwecombot://key?host={host}", tmp_path)
    assert (found.kind, found.code) == ("unknown", "no-answer")


@pytest.mark.usefixtures("quick_to_end")
def test_over_tls_it_is_the_same(tmp_path: Path, certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with dripping(HEAD, b" ", context) as port:
        host = quote(f"https://127.0.0.1:{port}", safe="")
        ca = quote(str(certificate.with_suffix(".crt")), safe="")
        found = outcome_of(f"dubanwecombot://key?host={host}&ca={ca}", tmp_path)
    assert (found.kind, found.code) == ("unknown", "no-answer")


@pytest.mark.usefixtures("quick_to_end")
def test_a_token_that_only_drips_means_that_nothing_was_sent(tmp_path: Path) -> None:
    with dripping(HEAD, b" ") as port:
        host = quote(f"http://127.0.0.1:{port}", safe="")
        channel = f"dubanwecom://corp:secret@1?host={host}"
        found = outcome_of(channel, tmp_path)
    assert (found.kind, found.code) == ("temporary", "token")


@pytest.mark.usefixtures("quick_to_end")
def test_a_stock_channel_is_not_waited_for_either(tmp_path: Path) -> None:
    with dripping(HEAD, b" ") as port:
        found = outcome_of(f"json://127.0.0.1:{port}/x", tmp_path)
    assert (found.kind, found.code) == ("unknown", "too-slow")


def mailed(port: int, mode: str = "plain", ca_file: str = "") -> Outcome:
    server = Server("127.0.0.1", port, mode, ca_file=ca_file, read_seconds=READ_SECONDS)
    pool = SmtpPool(server)
    found = pool.send("d@e.example", ["a@e.example"], MAIL, Deadline(WHOLE_SECONDS))
    pool.close()
    return found["a@e.example"]


HELLO = b"220 hi\r\n250 hi\r\n"
STEPS = [
    ("greeting", b"22", b"0", "temporary", UNREACHABLE),
    ("ehlo", b"220 hi\r\n250-", b"x", "temporary", UNREACHABLE),
    ("sender", HELLO + b"250-", b"x", "temporary", UNREACHABLE),
    ("recipient", HELLO + b"250 ok\r\n250-", b"x", "temporary", "dropped"),
    ("go-ahead", HELLO + b"250 ok\r\n250 ok\r\n354-", b"x", "temporary", "dropped"),
    ("receipt", HELLO + b"250 ok\r\n250 ok\r\n354 go\r\n250-", b"x", "unknown", "no-answer"),
]


@pytest.mark.parametrize("step", STEPS, ids=[step[0] for step in STEPS])
@pytest.mark.usefixtures("quick_to_end")
def test_a_mail_server_that_drips_is_ended_and_only_a_whole_mail_is_unknown(
    step: tuple[str, bytes, bytes, str, str],
) -> None:
    _, quick, drips, kind, code = step
    with dripping(quick, drips) as port:
        found = mailed(port)
    assert (found.kind, found.code) == (kind, code)
    assert "超时" in found.detail


@pytest.mark.usefixtures("quick_to_end")
def test_a_mail_server_that_drips_over_tls_is_ended_too(certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    ca_file = str(certificate.with_suffix(".crt"))
    talk = HELLO + b"250 ok\r\n250 ok\r\n354 go\r\n250-"
    with dripping(talk, b"x", context) as port:
        assert mailed(port, "ssl", ca_file).kind == "unknown"


@pytest.mark.usefixtures("quick_to_end")
def test_a_mail_server_that_stops_reading_is_ended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        pool = SmtpPool(
            Server("127.0.0.1", listening.getsockname()[1], "plain", read_seconds=READ_SECONDS)
        )
        lines: list[socket.socket] = []

        def answer() -> None:
            lines.append(listening.accept()[0])
            lines[0].sendall(HELLO + b"250 ok\r\n250 ok\r\n354 go\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        mail = b"Subject: x\r\n\r\n" + b"0123456789" * 800_000 + b"\r\n"
        found = pool.send("d@e.example", ["a@e.example"], mail, Deadline(WHOLE_SECONDS))
        thread.join()
        lines[0].close()
        pool.close()
    assert (found["a@e.example"].kind, found["a@e.example"].code) == ("temporary", "dropped")


def test_a_deadline_is_what_is_left_and_never_more_than_a_step() -> None:
    assert Deadline(100).within(3) == 3
    assert 0 < Deadline(2).within(50) <= 2
    with pytest.raises(TimeoutError):
        Deadline(0).within(1)
