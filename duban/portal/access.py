"""Who sees what: the few functions that decide it, and nothing else does.

A liaison officer holds a cookie made from a personal link and sees one unit; every request asks the
ledger whether that link still holds, so a revocation works at once. The office and leaders have accounts:
their cookie is a random session number of which the ledger keeps the hash, asked for at every request too.
Before there is an administrator, the office's key opens, with a name given at the door.
Which route is for whom stands in ``access_table``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from duban import clock
from duban.accounts import Role, session_ended
from duban.credentials import hash_of
from duban.keyfile import is_good, key_of
from duban.ledger import accounts, queries
from duban.ledger.queries import Row
from duban.ledger.views import Reader
from duban.settings import Home
from duban.sign_in_settings import SignIn

UNIT_COOKIE = "duban_unit"
OFFICE_COOKIE = "duban_office"
SESSION_COOKIE = "duban_session"
WHERE_THE_KEY_IS = (
    "向本单位系统管理员要钥匙，从首页的“办公室入口”进入；网页启动时，管理员的窗口里写着它存放在哪里"
)
"""Where a clerk gets the key. The path itself is not told to people who are not signed in."""


class Denied(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that is not allowed, with the sentence for the one who asked."""

    def __init__(
        self, status: int, title: str, message: str, way_out: str, *, sign_in: bool = False
    ) -> None:
        super().__init__(message)
        self.sign_in = sign_in  # whether signing in may help: the page offers it
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
    """Someone of the office's side: by account (``session`` is its hash), or by key (it is empty).

    ``unit``: the only unit that is shown; empty for all. ``stage``: ``full``, or what is still missing.
    """

    name: str
    cookie: str
    role: Role = Role.ADMIN
    unit: str = ""
    session: str = ""
    stage: str = "full"
    seen_at: datetime | None = None

    @property
    def actor(self) -> str:
        """The name that the ledger keeps for what this visitor does."""
        return self.name

    def sees(self, unit: str) -> bool:
        """Whether rows of a unit are shown to this visitor."""
        return self.unit in {"", unit}


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


def office_cookie(
    key: bytes, office: str, name: str, now: datetime, lasts: SignIn | None = None
) -> str:
    """The cookie of a clerk who came by the office's key. A new office key ends all of them."""
    until = clock.stamp(now + (lasts or SignIn()).absolute)
    return _seal(key, _office_purpose(office), f"{until}|{name}")


def clerk_by_key(
    key: bytes, office: str, cookies: Mapping[str, str], now: datetime
) -> Clerk | None:
    """The clerk who came by the office's key, or None."""
    cookie = cookies.get(OFFICE_COOKIE, "")
    said = _unseal(key, _office_purpose(office), cookie)
    until, _, name = (said or "").partition("|")
    if not name or until <= clock.stamp(now):
        return None
    return Clerk(name, cookie)


def key_opens(conn: Reader, sign_in: SignIn) -> bool:
    """Whether the office's key opens: until there is an administrator, unless a setting says else."""
    if sign_in.office_key == "until_admin":
        return accounts.admins(conn) == 0
    return sign_in.office_key == "always"


def clerk_by_session(
    conn: Reader, sign_in: SignIn, cookies: Mapping[str, str], now: datetime
) -> Clerk | None:
    """The owner of a session that holds: not too old, its account as it is now."""
    cookie = cookies.get(SESSION_COOKIE, "")
    row = accounts.session(conn, hash_of(cookie)) if cookie else None
    if row is None or not row["active"]:
        return None
    lasts = {"idle": sign_in.idle, "absolute": sign_in.absolute}
    if session_ended(row["started_at"], row["seen_at"], now, **lasts):
        return None
    role = Role(row["role"])
    unit = row["unit"] if role is Role.HEAD else ""
    return Clerk(row["account"], cookie, role, unit, row["id"], row["stage"], row["seen_at"])


def home_of(role: Role, unit: str) -> str:
    """The first page of a role: a head's is the own unit."""
    return f"/office/unit?{urlencode({'id': unit})}" if role is Role.HEAD else "/office"


def sign_in_first() -> Denied:
    """The answer to anyone of the office's side who is not signed in (any more)."""
    return Denied(
        403,
        "请先登录",
        "看板、台账和审核只对督办办公室、领导和有账号的人开放；登录过的，可能是时间到了。",
        "用自己的账号登录；没有账号的，向本单位系统管理员要",
        sign_in=True,
    )


def not_yours(role_name: str) -> Denied:
    """The answer to someone whose role may not do this."""
    return Denied(
        403,
        "您的账号不能做这件事",
        f"您的角色是“{role_name}”，这个页面或操作不对它开放。",
        "需要的话，请管理员调整角色",
    )


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
