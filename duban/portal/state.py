"""What the running portal holds: the office with its ledger, its keys, and the templates."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from fastapi import Request

from duban import clock
from duban.clock import Clock
from duban.credentials import account_key, unseal
from duban.desk import Desk, need_desk
from duban.errors import DubanError
from duban.ledger import links
from duban.ledger.store import Ledger
from duban.office import Office, open_office
from duban.portal import access
from duban.settings import Home, find_home

_LOG = logging.getLogger("duban.portal")


class Portal:
    """The office as the portal serves it. Files that change are read again; broken ones are not."""

    def __init__(self, home: Home, ask: Clock) -> None:
        self.home = home
        self._stack = ExitStack()
        self._turn = threading.Lock()
        self._stamp = _stamp(home)
        self._office = self._stack.enter_context(open_office(home, ask=ask))
        self.ledger: Ledger = self._office.ledger
        self.key = links.home_key(home)
        self.office_key = access.office_key(home)
        self.account_key = account_key(home)

    def now(self) -> datetime:
        """This moment by the ledger's clock."""
        return self.ledger.now()

    def totp_secret(self, name: str, sealed: str) -> str:
        """The second factor of an account; empty when it has none, or the seal is not for this name."""
        said = unseal(self.account_key, "totp", sealed, self.now()) if sealed else {}
        return said.get("secret", "") if said.get("name") == name else ""

    @property
    def office(self) -> Office:
        """The office; its text files are read again once they changed and hold no mistake."""
        stamp = _stamp(self.home)
        with self._turn:
            if stamp != self._stamp:
                self._stamp = stamp
                self._read_again()
            return self._office

    def _read_again(self) -> None:
        try:
            desk = need_desk(self.home, clock.day_of(self.now()))
        except (DubanError, OSError) as problem:
            # the last good text holds until `duban check` is clean again
            _LOG.warning("配置改动后有错，网页仍用改动前的内容；请运行 duban check：%s", problem)
            return
        told = {each.name: getattr(desk, each.name) for each in fields(Desk)}
        self._office = Office(**told, ledger=self.ledger)

    def close(self) -> None:
        """Give the ledger back."""
        self._stack.close()


def _stamp(home: Home) -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every text file: cheap to ask on each request."""
    files = [*home.config.glob("*.yaml"), *home.tasks_def.glob("*/*.yaml")]
    return tuple(_stamp_of(path) for path in sorted(files))


def _stamp_of(path: Path) -> tuple[str, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return str(path), 0, -1  # an editor is just putting a new one in its place
    return str(path), stat.st_mtime_ns, stat.st_size


def portal_of(request: Request) -> Portal:
    """The portal that serves a request."""
    found: Portal = request.app.state.portal
    return found


def open_portal(home: str | None, ask: Clock) -> Portal:
    """Open the portal of a home folder. Raises DubanError with its sentences."""
    return Portal(find_home(home), ask)
