"""Who sees what: the few functions that decide it, and nothing else does.

A liaison officer holds a cookie made from a personal link and sees one unit; every request asks the
ledger whether that link still holds, so a revocation works at once. The office holds a cookie with the
name of the clerk, made with the office's key. Cookies are signed; neither holds a secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from duban import clock
from duban.keyfile import is_good, key_of
from duban.ledger import queries
from duban.ledger.queries import Row
from duban.ledger.views import Reader
from duban.settings import Home

UNIT_COOKIE = "duban_unit"
OFFICE_COOKIE = "duban_office"
OFFICE_DAYS = 7
"""Days that the office stays signed in on one browser."""
NAME_CHARS = 20
WHERE_THE_KEY_IS = (
    "向本单位系统管理员要钥匙，从首页的“办公室入口”进入；网页启动时，管理员的窗口里写着它存放在哪里"
)
"""Where a clerk gets the key. The path itself is not told to people who are not signed in."""


class Denied(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that is not allowed, with the sentence for the one who asked."""

    def __init__(self, status: int, title: str, message: str, way_out: str) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
        self.message = message
        self.way_out = way_out


@dataclass(frozen=True, slots=True)
class Liaison:
    """A visitor by personal link: one unit and the post the link was given to."""

    unit: str
    post: str
    link: str  # hash of the token
    expires_at: datetime
    cookie: str

    @property
    def actor(self) -> str:
        """The name that the ledger keeps for what this visitor does."""
        return f"{self.unit}/{self.post}"


@dataclass(frozen=True, slots=True)
class Clerk:
    """A visitor of the office, by the name given at sign-in."""

    name: str
    cookie: str

    @property
    def actor(self) -> str:
        """The name that the ledger keeps for what this visitor does."""
        return self.name


# ---- the unit's side ---------------------------------------------------------------------------


def open_link(conn: Reader, token_hash: str, now: datetime) -> Row:
    """The link of that hash while it holds. Raises Denied: 403 unknown, 410 revoked or expired."""
    row = queries.link_by_hash(conn, token_hash)
    if row is None:
        raise Denied(
            403,
            "这个链接不对",
            "链接可能没有复制完整，或不是本系统发出的。",
            "回到收到的消息里重新点开",
        )
    if row["revoked_at"] is not None:
        raise Denied(
            410, "这个链接已停用", "可能是换了联络员，或单位要求停用。", "请用最新一条消息里的链接"
        )
    if row["expires_at"] <= now:
        ended = clock.local(row["expires_at"])
        raise Denied(
            410,
            "这个链接已过期",
            f"链接只在一段时间内有效，它在{ended.month}月{ended.day}日到期。",
            "请用最新一条消息里的链接",
        )
    return row


def unit_cookie(key: bytes, token_hash: str) -> str:
    """The cookie of a personal link."""
    return _seal(key, "unit", token_hash)


def liaison(conn: Reader, key: bytes, cookies: Mapping[str, str], now: datetime) -> Liaison:
    """The liaison officer behind a request. Raises Denied."""
    cookie = cookies.get(UNIT_COOKIE, "")
    token_hash = _unseal(key, "unit", cookie)
    if token_hash is None:
        raise Denied(
            403,
            "请从消息里的链接进入",
            "本系统不设账号密码，每位联络员用自己收到的链接进入。",
            "打开最近一条督办消息，点里面的链接",
        )
    row = open_link(conn, token_hash, now)
    return Liaison(row["unit"], row["post"], token_hash, row["expires_at"], cookie)


def own(row: Row | None, visitor: Liaison) -> Row:
    """A row that belongs to the visitor's unit. Raises Denied without telling whether it exists."""
    if row is None or row["unit"] != visitor.unit:
        raise Denied(
            403, "这一项不在您的单位名下", "您只能查看和报送本单位的事项。", "回到本单位的待办清单"
        )
    return row


# ---- the office's side -------------------------------------------------------------------------


def office_key(home: Home) -> str:
    """The office's key: ``DUBAN_OFFICE_KEY``, else a file only we can read, made when missing.

    Raises UsageError for a key that is too short, OutsideError when none can be written.
    """
    return key_of(home, "DUBAN_OFFICE_KEY", "office.key")


def is_office_key(expected: str, given: str) -> bool:
    """Whether a key is the office's, in the same time whatever is given; a short one is nobody's."""
    same = hmac.compare_digest(expected.encode(), given.encode())
    return is_good(expected) and same


def office_cookie(key: bytes, office: str, name: str, now: datetime) -> str:
    """The cookie of a clerk. A new office key ends all of them."""
    until = clock.stamp(now + timedelta(days=OFFICE_DAYS))
    return _seal(key, _office_purpose(office), f"{until}|{name}")


def clerk(key: bytes, office: str, cookies: Mapping[str, str], now: datetime) -> Clerk | None:
    """The clerk behind a request, or None when nobody of the office is signed in."""
    cookie = cookies.get(OFFICE_COOKIE, "")
    said = _unseal(key, _office_purpose(office), cookie)
    until, _, name = (said or "").partition("|")
    if not name or until <= clock.stamp(now):
        return None
    return Clerk(name, cookie)


def need_clerk(key: bytes, office: str, cookies: Mapping[str, str], now: datetime) -> Clerk:
    """The clerk behind a request. Raises Denied."""
    found = clerk(key, office, cookies, now)
    if found is None:
        raise Denied(
            403,
            "请用办公室的钥匙进入",
            "看板、台账和审核只对督办办公室开放。",
            WHERE_THE_KEY_IS,
        )
    return found


def _office_purpose(office: str) -> str:
    return "office:" + hashlib.sha256(office.encode()).hexdigest()[:16]


# ---- forms -------------------------------------------------------------------------------------


def form_token(key: bytes, cookie: str) -> str:
    """The token that a form must carry: only a page of ours, made for this cookie, has it."""
    return _mark(key, "form", cookie)[:32]


def check_form(key: bytes, cookie: str, given: str) -> None:
    """Refuse a form that did not come from our own page. Raises Denied."""
    if not hmac.compare_digest(form_token(key, cookie).encode(), given.encode()):
        raise Denied(
            403,
            "这个页面已过时，没有提交",
            "页面打开后换过链接或重新登录过，为防冒用没有接收。",
            "返回上一页，刷新后再提交（填过的文字会保留）",
        )


# ---- signing -----------------------------------------------------------------------------------


def _mark(key: bytes, purpose: str, value: str) -> str:
    return hmac.new(key, f"{purpose}\x1f{value}".encode(), hashlib.sha256).hexdigest()


def _seal(key: bytes, purpose: str, value: str) -> str:
    packed = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    return f"{packed}.{_mark(key, 'cookie:' + purpose, value)}"


def _unseal(key: bytes, purpose: str, cookie: str) -> str | None:
    packed, _, mark = cookie.partition(".")
    try:
        value = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except (ValueError, binascii.Error):
        return None
    good = hmac.compare_digest(_mark(key, "cookie:" + purpose, value).encode(), mark.encode())
    return value if good and value else None
