"""Reads ``sign_in:`` of ``config/duban.yaml``: how long a session lasts, who needs a second factor, OIDC."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from duban.accounts import Role
from duban.errors import UsageError
from duban.yamltext import Row

KEY_WORDS = ("until_admin", "always", "never")
FACTOR_WORDS = ("optional", "admins", "all")
_REFERENCE = re.compile(r"\$\{(env|file):([^{}]+)\}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Oidc:
    """A sign-in service of the county or province. ``client_secret``: a reference, never the secret."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name_claim: str
    label: str

    def secret(self) -> str:
        """The client's secret from where the reference points. Raises UsageError when it is not there."""
        return _resolved(self.client_secret)


@dataclass(frozen=True, slots=True)
class SignIn:
    """How the office signs in. ``office_key``: when the office key opens; ``second_factor``: who needs one."""

    idle: timedelta = timedelta(hours=2)
    absolute: timedelta = timedelta(hours=12)
    office_key: str = "until_admin"
    second_factor: str = "optional"
    oidc: Oidc | None = None

    def needs_factor(self, role: Role) -> bool:
        """Whether a role may only work with a second factor."""
        return self.second_factor == "all" or (
            self.second_factor == "admins" and role is Role.ADMIN
        )


def read_sign_in(row: Row | None) -> SignIn:
    """The settings; what is not written is as in ``SignIn``. Mistakes go to the row's issues."""
    if row is None:
        return SignIn()
    idle = timedelta(minutes=row.integer("idle_minutes", 120, least=5))
    absolute = timedelta(hours=row.integer("absolute_hours", 12, least=1))
    found = SignIn(
        idle=idle,
        absolute=absolute,
        office_key=row.choice("office_key", KEY_WORDS, "until_admin"),
        second_factor=row.choice("second_factor", FACTOR_WORDS, "optional"),
        oidc=_read_oidc(row.row("oidc")),
    )
    row.close()
    return found


def _read_oidc(row: Row | None) -> Oidc | None:
    if row is None:
        return None
    found = Oidc(
        issuer=row.text("issuer", required=True).rstrip("/"),
        client_id=row.text("client_id", required=True),
        client_secret=row.text("client_secret", required=True),
        name_claim=row.text("name_claim", "preferred_username"),
        label=row.text("label", "统一身份认证"),
    )
    _check_issuer(row, found.issuer)
    if found.client_secret and not _REFERENCE.fullmatch(found.client_secret):
        row.issues.error(
            "oidc-secret",
            row.place_of("client_secret"),
            "密钥直接写在了配置文件里，会随文件传开。",
            "换成 ${env:变量名} 或 ${file:文件路径}，并请对方更换这个密钥。",
        )
    row.close()
    return found


def _check_issuer(row: Row, issuer: str) -> None:
    parts = urlsplit(issuer)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if issuer and not (safe and parts.netloc and not parts.query and not parts.fragment):
        row.issues.error(
            "oidc-issuer",
            row.place_of("issuer"),
            f"“issuer: {issuer}”不是 https 地址。",
            "写认证服务给出的 issuer，以 https:// 开头，不带 ? 和 #。",
        )


def _resolved(reference: str) -> str:
    """What ``${env:NAME}`` or ``${file:path}`` points to."""
    found = _REFERENCE.fullmatch(reference)
    kind, name = (found[1], found[2]) if found else ("", "")
    try:
        value = (
            os.environ.get(name, "") if kind == "env" else Path(name).read_text("utf-8")
        ).strip()
    except OSError as problem:
        raise UsageError(
            f"统一认证的密钥文件 {name} 读不出来（{problem.strerror}）。", "检查路径和权限。"
        ) from None
    if not value:
        raise UsageError(
            f"统一认证的密钥没有给出（{reference}）。", "设好这个环境变量或文件再启动。"
        )
    return value
