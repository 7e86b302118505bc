"""Rules of accounts: roles, names, passwords, how long to wait, when a session ends. Pure.

Who signs in for the office or as a leader has an account; liaison officers never do (a personal link is
enough). Sources: NIST SP 800-63B-4 (length over composition, a blocklist, no periodic change, at most 100
failed tries in a row), OWASP Authentication and Session Management Cheat Sheets (the same answer to every
refusal, idle and absolute ends). The numbers that are ours say *default*.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from duban.common_passwords import COMMON, WORDS
from duban.errors import NOWHERE, Issues


class Role(StrEnum):
    """What an account may do; the table of routes says where."""

    ADMIN = "admin"
    REVIEWER = "reviewer"
    LEADER = "leader"
    HEAD = "head"
    AUDITOR = "auditor"


ROLE_NAMES: Mapping[Role, str] = {
    Role.ADMIN: "管理员",
    Role.REVIEWER: "审核员",
    Role.LEADER: "领导",
    Role.HEAD: "单位负责人",
    Role.AUDITOR: "审计员",
}
ROLE_WORDS: Mapping[Role, str] = {
    Role.ADMIN: "全部功能，包括账号",
    Role.REVIEWER: "审核报送；其余只看",
    Role.LEADER: "看全部；确认或不采纳督办建议",
    Role.HEAD: "只看本单位的事项和报送",
    Role.AUDITOR: "看全部，包括记录和核对；什么也不能改",
}

# ---- names -------------------------------------------------------------------------------------

NAME_CHARS = 20
_NAME = re.compile(r"[\w·.\- ]+")
_TAKEN = frozenset({"deliver", "duban", "cli", "系统", "system", "test"})
"""Actors of the software itself: nobody may sign as one of them."""


def plain_name(given: str) -> str:
    """A name as it is kept and looked up: one form for full-width letters, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", given).split())


def check_name(name: str, known: Sequence[str], issues: Issues) -> None:
    """A new account's name: short, readable in a record, nobody else's."""
    if not name or len(name) > NAME_CHARS or not _NAME.fullmatch(name):
        issues.error(
            "account-name",
            NOWHERE,
            f"账号名“{name[:NAME_CHARS]}”不合写法。",
            f"用本人姓名，1到{NAME_CHARS}个字，不含标点；它就是审核、督办的署名。",
        )
    elif name.casefold() in _TAKEN:
        issues.error("account-name", NOWHERE, f"“{name}”是系统自己的名字。", "换一个名字。")
    elif name.casefold() in {each.casefold() for each in known}:
        issues.error(
            "account-twice",
            NOWHERE,
            f"已有账号“{name}”（停用的也算，署名不能给第二个人）。",
            "重名的加上科室，如“张伟 司文科”；本人忘了口令用 duban user reset。",
        )


# ---- passwords ---------------------------------------------------------------------------------

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 128  # longer texts only make the hash work
_FEWEST_CHARACTERS = 5  # default: different characters in a password
_RUN = 5  # default: 12345 or abcde in a row makes up too much of a short password
_TAIL = re.compile(r"[\W\d_]+$")
_HEAD = re.compile(r"^[\W\d_]+")


def plain_password(given: str) -> str:
    """A password in one form, so that every keyboard gives the same (NIST SP 800-63B §3.1.1.2)."""
    return unicodedata.normalize("NFKC", given)


def check_password(password: str, about: Sequence[str], issues: Issues) -> None:
    """Refuse a password that is short or that everybody tries first. ``about``: name, unit, office."""
    why = _weakness(password, about)
    if why:
        issues.error("password", NOWHERE, f"这个口令{why}，没有采用。", _PASSWORD_HINT)


_PASSWORD_HINT = (
    f"至少{SHORTEST_PASSWORD}个字符，越长越好；可以用几个互不相干的词连起来。不要求定期更换。"
)


def _weakness(password: str, about: Sequence[str]) -> str:
    low = password.casefold()
    if len(password) < SHORTEST_PASSWORD:
        return f"不足{SHORTEST_PASSWORD}个字符"
    if len(password) > LONGEST_PASSWORD:
        return f"超过{LONGEST_PASSWORD}个字符"
    if low in COMMON or _HEAD.sub("", _TAIL.sub("", low)) in WORDS:
        return "在常见口令名单里"
    if len(set(low)) < _FEWEST_CHARACTERS or _repeats(low):
        return "只是几个字符的重复"
    if _longest_run(low) > max(_RUN, len(low) // 2):
        return "主要是连续的数字或字母"
    if any(len(low.replace(word, "")) * 2 <= len(low) for word in _parts(about)):
        return "主要由姓名或单位名组成"
    return ""


def _repeats(text: str) -> bool:
    """Whether a text is one piece said again and again: abcabcabc."""
    return text in (text + text)[1:-1]


def _longest_run(text: str) -> int:
    """The longest stretch in which each character follows the one before (up or down)."""
    best = run = 1
    step = 0
    for one, two in pairwise(text):
        now = ord(two) - ord(one)
        run = run + 1 if now == step and now in {1, -1} else (2 if now in {1, -1} else 1)
        step, best = now, max(best, run)
    return best


def _parts(about: Sequence[str]) -> list[str]:
    plain = (plain_name(each).casefold().replace(" ", "") for each in about)
    return [each for each in plain if len(each) > 1]


# ---- how long to wait --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Patience:
    """So many failures are free; then each doubles the wait, up to a longest one."""

    free: int
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=15)

    def wait(self, failures: int) -> timedelta:
        """How long nobody may try again after so many failures."""
        over = failures - self.free
        return timedelta() if over < 0 else min(self.first * 2 ** min(over, 20), self.longest)


ACCOUNT_PATIENCE = Patience(5)
"""*Default.* At the longest wait 96 tries a day, below NIST's 100 in a row; short enough that an enemy
cannot keep the owner out for good, and ``duban user reset`` opens at once."""
ADDRESS_PATIENCE = Patience(20, longest=timedelta(hours=1))
"""*Default.* A whole office may stand behind one address."""
FORGOTTEN = timedelta(hours=24)
"""Failures so long ago count no more."""


def locked_until(
    failures: int, last_at: datetime, patience: Patience, now: datetime
) -> datetime | None:
    """Until when tries are refused unseen, or None when one may try."""
    until = last_at + patience.wait(failures)
    return until if now < until and now - last_at < FORGOTTEN else None


def counted(failures: int, last_at: datetime, now: datetime) -> int:
    """Failures that still count."""
    return 0 if now - last_at >= FORGOTTEN else failures


def worth_telling(failures: int, patience: Patience) -> bool:
    """Whether the record is told of this failure: the first, and each that makes a wait begin.

    Others are counted only, so that nobody can fill the record from outside.
    """
    return failures == 1 or failures >= patience.free


# ---- sessions ----------------------------------------------------------------------------------

TOUCH = timedelta(minutes=5)
"""A session in use is noted at most so often."""
HALF_SIGNED_IN = timedelta(minutes=10)
"""How long the second step may take."""


def session_ended(
    started_at: datetime,
    seen_at: datetime,
    now: datetime,
    *,
    idle: timedelta,
    absolute: timedelta,
) -> bool:
    """Whether a session is over: unused for too long, or too old altogether."""
    return now - seen_at >= idle or now - started_at >= absolute


def network(address: str) -> str:
    """As much of an address as the record needs: /24 of IPv4, /48 of IPv6; else empty."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    shown = mapped or found
    wide = 24 if shown.version == 4 else 48
    return str(ipaddress.ip_network(f"{shown}/{wide}", strict=False))


# ---- who must stay -----------------------------------------------------------------------------


def check_unit(role: Role, unit: str, issues: Issues) -> None:
    """A head has a unit; nobody else is bound to one."""
    if role is Role.HEAD and not unit:
        issues.error(
            "account-unit", NOWHERE, "单位负责人的账号要写明是哪个单位。", "加上 --unit 单位。"
        )
    elif role is not Role.HEAD and unit:
        issues.error(
            "account-unit",
            NOWHERE,
            f"{ROLE_NAMES[role]}不分单位，不能带单位。",
            "去掉单位；只看本单位的用“单位负责人”。",
        )


def check_admin_stays(other_admins: int, issues: Issues, *, was: bool, stays: bool) -> None:
    """The last working administrator can neither be disabled nor become something else."""
    if was and not stays and other_admins == 0:
        issues.error(
            "last-admin",
            NOWHERE,
            "这是最后一个管理员，不能停用，也不能改成别的角色。",
            "先再建一个管理员。",
        )
