"""Keys stay out of logs and out of what the ledger keeps, whatever a service repeats."""

from __future__ import annotations

import logging
import re
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from duban.ledger import outbox
from duban.ledger.store import open_ledger
from duban.ledger.tables import attempt, message
from duban.settings import Home
from fakes_http import FakeWeb, Reply
from notifier.config import Channel, Channels
from notifier.deliver import deliver_due
from notifier.mime import Sender
from test_channels import KINDS, NOW, SECRET, Kind, Open, letter, url_of
from test_channels import fake as fake  # noqa: PLC0414 - a fixture is used by its name
from test_channels import kind as kind  # noqa: PLC0414 - a fixture is used by its name
from test_channels import opened as opened  # noqa: PLC0414 - a fixture is used by its name


def test_no_key_reaches_an_attempt_however_the_service_repeats_it(
    kind: Kind, fake: FakeWeb, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echoed = Reply(body=kind.refusal(4711) | {"said": f"https://x.example/?key={SECRET}"})
    fake.replies = [*kind.first, echoed]
    channel = Channel(kind.name, kind.name, url_of(kind, fake.url), form="md")
    sender = Sender("duban@e.example", "督办", "e.example")
    channels = Channels({kind.name: channel}, kind.name, kind.name, sender, tmp_path)
    with closing(open_ledger("sqlite://", ask=lambda: NOW)) as ledger:
        with ledger.write("remind") as writing:
            outbox.queue(writing, [letter(kind)])
        report = deliver_due(ledger, Home(tmp_path), channels, NOW, "t")
        with ledger.read() as conn:
            kept = [str(row) for row in conn.execute(sa.select(attempt))]
            waits = conn.execute(sa.select(message.c.wait_why, message.c.detail)).all()
    said = f"{kept} {waits} {report}" + "\n".join(one.getMessage() for one in caplog.records)
    assert report.retried == 1
    assert not re.search("hush|%2Fhush", said)


@pytest.mark.parametrize("name", ["apprise", "requests", "urllib3.connectionpool", "urllib3.util.retry"])  # fmt: skip
def test_talkative_loggers_are_hushed_whatever_level_is_asked_for(
    name: str, opened: Open, fake: FakeWeb, caplog: pytest.LogCaptureFixture
) -> None:
    opened("bot", url_of(KINDS["bot"], fake.url))
    with caplog.at_level(logging.DEBUG, logger=name):
        logger = logging.getLogger(name)
        logger.debug("Incremented Retry for (url='%s')", "/cgi-bin/webhook/send?key=hush")
        logger.warning("failed: %s", "https://x.example/send?key=hush")
    assert [one.getMessage() for one in caplog.records] == ["failed: （地址略）"]
