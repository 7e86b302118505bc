"""Which route is for whom: one table, and nothing is open that does not stand in it.

A route without a line is refused when the portal starts. The gate asks this table before anything of a
request is read; roles bound to one unit see only its rows, and are told of others what they are told of
rows that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from fastapi import APIRouter
from fastapi.routing import APIRoute

from duban.accounts import Role


class Door(Enum):
    """Who is asked for at a route."""

    OPEN = "anybody"
    LINK = "a liaison officer by personal link, own unit only"
    OFFICE = "an account, or the office's key"
    TOKEN = "a program with a token of a unit or of the office"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route. ``stages``: how far the sign-in must be; ``account``: the key is not enough.

    ``scope``: what a program's token must allow; ``sides``: whose token, a unit's or the office's.
    """

    door: Door
    roles: frozenset[Role] = frozenset()
    stages: frozenset[str] = frozenset({"full"})
    account: bool = False
    scope: str = ""
    sides: frozenset[str] = frozenset({"unit", "office"})


OPEN = Rule(Door.OPEN)
LINK = Rule(Door.LINK)


def _for(*roles: Role) -> Rule:
    return Rule(Door.OFFICE, frozenset(roles))


def _own(*stages: str) -> Rule:
    """One's own account, whatever its role."""
    return Rule(Door.OFFICE, frozenset(Role), frozenset(stages or ("full",)), account=True)


def _program(scope: str, *sides: str) -> Rule:
    """A program by its token; a unit's token sees only its rows."""
    return Rule(Door.TOKEN, scope=scope, sides=frozenset(sides or ("unit", "office")))


_READERS = (Role.ADMIN, Role.REVIEWER, Role.LEADER, Role.AUDITOR)
READ = _for(*_READERS)
READ_UNIT = _for(*_READERS, Role.HEAD)
"""A head reads these of the own unit."""
REVIEW = _for(Role.ADMIN, Role.REVIEWER)
DECIDE = _for(Role.ADMIN, Role.LEADER)
"""What goes out in a leader's name: severe steps and digests."""
MANAGE = _for(Role.ADMIN)
AUDIT = _for(Role.ADMIN, Role.AUDITOR)

TABLE: Mapping[tuple[str, str], Rule] = {
    ("GET", "/"): OPEN,
    ("GET", "/healthz"): OPEN,
    ("GET", "/u/{token}"): OPEN,
    # ---- signing in
    ("GET", "/office/login"): OPEN,
    ("POST", "/office/login"): OPEN,
    ("GET", "/office/oidc"): OPEN,
    ("GET", "/office/oidc/back"): OPEN,
    ("GET", "/office/password/{token}"): OPEN,
    ("POST", "/office/password/{token}"): OPEN,
    ("GET", "/office/code"): _own("code"),
    ("POST", "/office/code"): _own("code"),
    ("POST", "/office/logout"): Rule(
        Door.OFFICE, frozenset(Role), frozenset({"code", "enrol", "full"})
    ),
    # ---- one's own account
    ("GET", "/office/me"): _own(),
    ("POST", "/office/me/password"): _own(),
    ("POST", "/office/me/sessions"): _own(),
    ("GET", "/office/me/totp"): _own("enrol", "full"),
    ("POST", "/office/me/totp"): _own("enrol", "full"),
    ("POST", "/office/me/totp/off"): _own(),
    # ---- accounts and the record
    ("GET", "/office/accounts"): MANAGE,
    ("POST", "/office/accounts"): MANAGE,
    ("GET", "/office/audit"): AUDIT,
    # ---- a unit by personal link
    ("GET", "/unit"): LINK,
    ("GET", "/unit/item"): LINK,
    ("GET", "/unit/nil"): LINK,
    ("POST", "/unit/submit"): LINK,
    ("GET", "/unit/receipt"): LINK,
    ("POST", "/unit/ack"): LINK,
    ("GET", "/unit/extend"): LINK,
    ("POST", "/unit/extend"): LINK,
    ("GET", "/unit/request"): LINK,
    ("POST", "/unit/request"): LINK,
    ("POST", "/unit/request/withdraw"): LINK,
    ("GET", "/unit/history"): LINK,
    ("GET", "/unit/inbox"): LINK,
    ("GET", "/unit/evidence"): LINK,
    ("GET", "/unit/form.xlsx"): LINK,
    ("POST", "/unit/form"): LINK,
    # ---- the office
    ("GET", "/office"): READ,
    ("GET", "/office/items"): READ_UNIT,
    ("GET", "/office/item"): READ_UNIT,
    ("GET", "/office/evidence"): READ_UNIT,
    ("GET", "/office/unit"): READ_UNIT,
    ("GET", "/office/task"): READ_UNIT,
    ("GET", "/office/cell/{unit}/{month}"): READ_UNIT,
    ("GET", "/office/export"): READ_UNIT,
    ("GET", "/office/burden"): READ,
    ("GET", "/office/review"): READ,
    ("POST", "/office/review"): REVIEW,
    ("GET", "/office/review/done"): READ,
    ("GET", "/office/reopen"): REVIEW,
    ("POST", "/office/reopen"): REVIEW,
    ("GET", "/office/requests"): READ,
    ("POST", "/office/requests"): REVIEW,
    ("GET", "/office/proposals"): READ,
    ("POST", "/office/proposals"): DECIDE,
    ("GET", "/office/units"): READ,
    ("GET", "/office/form"): REVIEW,
    ("POST", "/office/form"): REVIEW,
    ("GET", "/office/messages"): READ,
    ("POST", "/office/messages/decide"): MANAGE,
    ("GET", "/office/preview"): READ,
    ("GET", "/office/preview/letter"): READ,
    ("GET", "/office/digests"): READ,
    ("POST", "/office/digests"): DECIDE,
    ("GET", "/office/papers"): READ,
    ("POST", "/office/papers"): REVIEW,
    ("GET", "/office/runs"): READ,
    ("GET", "/office/scores/{run:path}"): READ,
    ("GET", "/office/file"): READ,
    # ---- programs
    ("GET", "/api/v1/openapi.json"): OPEN,
    ("GET", "/api/v1/healthz"): OPEN,
    ("GET", "/api/v1/readyz"): OPEN,
    ("GET", "/api/v1/me"): _program("read"),
    ("GET", "/api/v1/items"): _program("read"),
    ("GET", "/api/v1/item"): _program("read"),
    ("GET", "/api/v1/submissions"): _program("read"),
    ("GET", "/api/v1/submission"): _program("read"),
    ("GET", "/api/v1/evidence"): _program("read"),
    ("GET", "/api/v1/messages"): _program("read"),
    ("GET", "/api/v1/notices"): _program("read"),
    ("GET", "/api/v1/plan"): _program("read", "office"),
    ("POST", "/api/v1/evidence"): _program("submit", "unit"),
    ("POST", "/api/v1/submissions"): _program("submit", "unit"),
    ("POST", "/api/v1/acknowledgements"): _program("submit", "unit"),
    ("POST", "/api/v1/extensions"): _program("submit", "unit"),
    ("POST", "/api/v1/reviews"): _program("review", "office"),
}


def rule_of(method: str, path: str) -> Rule | None:
    """The line of a route; HEAD is asked as GET."""
    return TABLE.get(("GET" if method == "HEAD" else method, path))


def may(role: Role, path: str, method: str = "GET") -> bool:
    """Whether a role may use a route: what it may not is not offered on a page."""
    rule = rule_of(method, path)
    return rule is not None and role in rule.roles


def routes_of(routers: Iterable[APIRouter]) -> list[tuple[str, str]]:
    """(method, path) of every route."""
    return [
        (method, route.path)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def unlisted(routers: Iterable[APIRouter]) -> list[str]:
    """What would be served without a line in the table; must be empty."""
    return [
        f"{method} {path}" for method, path in routes_of(routers) if rule_of(method, path) is None
    ]
