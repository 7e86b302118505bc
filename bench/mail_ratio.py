"""Mail through our plugin beside the usual ways, as ratios measured side by side on one loopback sink.

All mails differ in recipient, subject and text, and go out one by one through one connection – except the
stock way, which opens one for each. Every rate is the best of several runs: noise only ever takes away.

    python bench/mail_ratio.py [number of mails, 500 by default]
"""

from __future__ import annotations

import smtplib
import socketserver
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from duban.clock import SHANGHAI
from duban.ledger.outbox import Letter
from duban.settings import Home
from notifier.config import Channel, Channels
from notifier.gateway import Gateway, _registry
from notifier.mime import Sender, build_mail, message_id

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)
SENDER = Sender("duban@xinzheng.example", "新政县政府办督查室", "xinzheng.example")
MAILS = 500
STOCK_MAILS = 25  # a dozen a second: more would only take longer
RUNS = 3
LINE = "提醒：打通知识产权创造、运用、保护、管理、服务全链条第{n}项，时限2026年11月30日（星期一），还剩5个工作日"
GOALS = {
    "our plugin / stock Apprise mail, per message": 40.0,
    "our plugin / one kept smtplib connection": 1.0,
    "build_mail / EmailMessage, mails built": 20.0,
}


# The sink: a mail server that takes everything and forgets it


class Sink(socketserver.StreamRequestHandler):
    """Speaks just enough SMTP; offers nothing that would favour one client."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        self._say(b"220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say(b"354 go on")
                while self.rfile.readline() not in {b".\r\n", b""}:
                    pass
            self._say(b"221 bye" if verb == b"QUIT" else b"250 ok")
            if verb == b"QUIT":
                return

    def _say(self, words: bytes) -> None:
        self.wfile.write(words + b"\r\n")


def serve() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink) as server:
        server.daemon_threads = True
        print(server.server_address[1], flush=True)
        server.serve_forever()


@contextmanager
def sink() -> Iterator[int]:
    """The sink in a process of its own, so that it takes no turn from the sender; its port."""
    with subprocess.Popen(
        [sys.executable, __file__, "sink"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


# What is sent


def letters(count: int) -> list[Letter]:
    """Messages of six lines each, no two alike."""
    found = []
    for n in range(count):
        lines = [LINE.format(n=n * 6 + k) for k in range(6)]
        found.append(
            Letter(
                id=f"day:2026-11-23:u{n}/liaison",
                kind="day",
                unit=f"u{n}",
                post="liaison",
                person="联络员（待填）",
                address=f"u{n}@xinzheng.example",
                channel="mail",
                subject=f"【提醒】第{n}单位：6件待办，1件今天到期（11月23日）",
                text="\n".join(lines),
                html="".join(f"<p>{line}</p>" for line in lines),
                attachments=(),
                urgent=False,
                not_before=NOW,
            )
        )
    return found


def as_email_message(letter: Letter) -> bytes:
    """The same mail by the standard library."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"{SENDER.name} <{SENDER.address}>"
    mail["To"] = f"{letter.person} <{letter.address}>"
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(NOW)
    mail["Message-ID"] = message_id(letter.id, SENDER.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text, cte="base64")
    mail.add_alternative(letter.html, subtype="html", cte="base64")
    return mail.as_bytes()


def as_ours(letter: Letter) -> bytes:
    return build_mail(
        key=letter.id,
        sender=SENDER,
        to_name=letter.person,
        to_address=letter.address,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        attachments=(),
        sent_at=NOW,
    )


# The ways


def by_our_plugin(port: int, some: Sequence[Letter]) -> None:
    """``Apprise.notify()`` once per message, with our plugin behind it."""
    channel = Channel("mail", "mail", f"dubanmail://127.0.0.1:{port}")
    channels = Channels({"mail": channel}, "mail", "mail", SENDER, Path())
    with Gateway(channels, Home(Path())) as gateway:
        for _, outcome in gateway.send_many("mail", some, lambda: NOW):
            if outcome.kind != "sent":
                sys.exit(f"our plugin: {outcome}")


def by_stock(port: int, some: Sequence[Letter]) -> None:
    """``Apprise.notify()`` with the stock mail plugin, a fresh object per message (a kept one sleeps 5.5 s)."""
    apprise: Any = _registry()
    for letter in some:
        service = apprise.Apprise()
        service.add(
            f"mailto://127.0.0.1:{port}?from={SENDER.address}&to={letter.address}&mode=insecure"
        )
        if not service.notify(title=letter.subject, body=letter.html, body_format="html"):
            sys.exit("the stock plugin did not send")


def by_smtplib(port: int, some: Sequence[Letter]) -> None:
    """One kept connection of the standard library, and its mails."""
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for letter in some:
            connection.sendmail(SENDER.address, [letter.address], as_email_message(letter))


def rate(way: Callable[[], object], count: int, runs: int = RUNS) -> float:
    """The most mails a second out of several runs."""
    best = 0.0
    for _ in range(runs):
        start = time.perf_counter()
        way()
        best = max(best, count / (time.perf_counter() - start))
    return best


def main(count: int) -> int:
    some = letters(count)
    few = some[:STOCK_MAILS]
    _registry()  # loading Apprise is not what is measured
    with sink() as port:
        stock = rate(lambda: by_stock(port, few), len(few), 2)
        kept = rate(lambda: by_smtplib(port, some), count)
        ours = rate(lambda: by_our_plugin(port, some), count)
    standard = rate(lambda: [as_email_message(letter) for letter in some], count)
    built = rate(lambda: [as_ours(letter) for letter in some], count)
    print(f"stock {stock:.0f}/s, smtplib {kept:.0f}/s, ours {ours:.0f}/s through Apprise.notify()")
    print(f"EmailMessage {standard:.0f}/s, build_mail {built:.0f}/s")
    reached = zip(GOALS.items(), (ours / stock, ours / kept, built / standard), strict=True)
    missed = 0
    for (name, goal), found in reached:
        missed += found < goal
        print(f"{'ok  ' if found >= goal else 'MISS'} {name}: {found:.1f} (goal >= {goal:g})")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["sink"]:
        serve()
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else MAILS))
