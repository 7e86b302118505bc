"""Which program is asking: by the token it shows, what that token allows, and how often it may ask."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from duban.ledger import tokens
from duban.portal.access import Denied
from duban.portal.access_table import Rule
from duban.portal.state import Portal

_CHALLENGE = 'Bearer realm="duban"'


class Refused(Denied):
    """A request of a program that is not answered; ``headers`` go with the answer."""

    def __init__(
        self,
        status: int,
        title: str,
        message: str,
        way_out: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, title, message, way_out)
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Program:
    """A program that showed a token. ``unit``: the only unit it sees; empty for the office's."""

    token: str  # the hash
    name: str
    unit: str
    account: str
    scopes: tuple[str, ...]
    expires_at: datetime

    @property
    def actor(self) -> str:
        """The name that the ledger keeps for what this program does: the account it acts for, else itself."""
        return self.account or f"{self.unit}/api:{self.name}"

    def sees(self, unit: str) -> bool:
        """Whether rows of a unit are shown to this program."""
        return self.unit in {"", unit}


# ---- how often ---------------------------------------------------------------------------------


class Pace:
    """So many requests at once, then one each ``every``. Kept in memory: a restart forgets, and may.

    The generic cell rate algorithm (ITU-T I.371): one moment for each token, nothing to sweep.
    """

    def __init__(self, burst: int, every: timedelta) -> None:
        self.burst = burst
        self.every = every
        self._free: dict[str, datetime] = {}
        self._turn = threading.Lock()

    def wait(self, key: str, now: datetime) -> timedelta:
        """How long this one must wait; nothing when it may go on, which is then counted."""
        longest = self.every * self.burst
        with self._turn:
            free = self._free.get(key, now)
            if (
                not now <= free <= now + longest
            ):  # idle, or the clock was set back: nobody is locked out
                free = now
            over = free + self.every - now - longest
            if over > timedelta():
                return over
            self._free[key] = free + self.every
        return timedelta()


@dataclass(frozen=True, slots=True)
class Paces:
    """How often one token may ask (*defaults*): anything; for files; and for why, which plays a day."""

    any: Pace
    files: Pace
    why: Pace


def new_paces() -> Paces:
    """Fresh counters: 120 at once and 2 each second, 30 files and 3 each minute, 10 whys and 10 a minute."""
    return Paces(
        Pace(120, timedelta(seconds=0.5)),
        Pace(30, timedelta(seconds=20)),
        Pace(10, timedelta(seconds=6)),
    )


def need_pace(pace: Pace, program: Program, now: datetime) -> None:
    """Count a request. Raises Refused (429) with how long to wait."""
    wait = pace.wait(program.token, now)
    if wait:
        seconds = -(-wait // timedelta(seconds=1))
        raise Refused(
            429,
            "请求太密",
            "这个凭证在短时间内请求太多，这一次没有处理。",
            f"等{seconds}秒再发（见 Retry-After）；成批取数请用 limit 和 cursor。",
            {"Retry-After": str(seconds)},
        )


# ---- who ---------------------------------------------------------------------------------------


def let_in(portal: Portal, request: Request, rule: Rule) -> Program:
    """The program behind a request. Raises Refused: 401 without a good token, 403, 429."""
    program = _program(portal, request)
    paces: Paces = request.app.state.paces
    need_pace(paces.any, program, portal.now())
    side = "unit" if program.unit else "office"
    if side not in rule.sides or rule.scope not in program.scopes:
        wanted = tokens.SCOPE_NAMES[rule.scope]
        raise Refused(
            403,
            "这个凭证不能做这件事",
            f"要“{wanted}”（{rule.scope}）权限的{_sides(rule)}凭证。",
            "请办公室用 duban token add 开一个合适的凭证。",
            {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope"'},
        )
    return program


def _sides(rule: Rule) -> str:
    words = {"unit": "单位", "office": "办公室"}
    return words[next(iter(rule.sides))] if len(rule.sides) == 1 else ""


def _program(portal: Portal, request: Request) -> Program:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not given.strip():
        raise Refused(
            401,
            "没有带凭证",
            "接口只认凭证，不认网页登录。",
            "在请求头里写 Authorization: Bearer 凭证；凭证由办公室用 duban token add 开出。",
            {"WWW-Authenticate": _CHALLENGE},
        )
    with portal.ledger.read() as conn:
        row = tokens.holds(conn, given.strip(), portal.now())
    if row is None or (row["unit"] and row["unit"] not in portal.office.units):
        raise Refused(
            401,
            "凭证不能用",
            "凭证不对、已到期、已停用，或它所用的账号已停用。",
            "请办公室用 duban token list 核对，必要时另开一个。",
            {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
        )
    return Program(
        row["id"],
        row["name"],
        row["unit"],
        row["account"],
        tuple(row["scopes"].split()),
        row["expires_at"],
    )


def program_of(request: Request) -> Program:
    """Dependency: the program that the gate let in."""
    found = request.state.visitor
    assert isinstance(found, Program)
    return found
