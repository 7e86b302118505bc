"""``dubanwecom://CORP:SECRET@AGENT`` – a message of a WeCom (企业微信) application to one person.

WeCom drops a second copy within four hours (``enable_duplicate_check``), so ``on_unknown: resend`` is safe.
2,048 bytes. The letter's address is the person's user id. ``?host=https://…`` for a private deployment.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from duban.ledger.outbox import BAD_ADDRESS, Outcome
from notifier.channels.base import Parcel
from notifier.channels.web import Codes, NotifyDubanWeb, wants_markdown
from notifier.webpost import Answer

DUPLICATE_CHECK_SECONDS = 14_400  # the longest WeCom allows
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_STALE = frozenset({"40014", "41001", "42001"})


class NotifyDubanWecom(NotifyDubanWeb):
    """Fetches a token, keeps it while it is taken, and posts to one person at a time."""

    service_name = "Duban WeCom application"
    protocol = "dubanwecom"
    api = "https://qyapi.weixin.qq.com"
    codes = Codes(
        rate={"45009": 60, "45033": 60, "-1": 60},
        channel=("40001", "40013", "40056", "60020", "48002", "301002", "40091", *sorted(_STALE)),
        person=("81013", "60111", "40003", "40031", "46004"),
        letter=("40008", "40058", "44004", "45002", "40035"),
    )

    def __init__(self, corp: str, secret: str, agent: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._account = f"corpid={quote(corp, safe='')}&corpsecret={quote(secret, safe='')}"
        self._agent = agent
        self._token = ""
        self.keep_secret(secret)

    def carry(self, parcel: Parcel) -> Outcome:
        """Send to one person, with a new token once when the kept one has run out."""
        if not _USER.fullmatch(parcel.letter.address):
            return Outcome(
                "permanent", BAD_ADDRESS, "企业微信账号的写法不对，应是通讯录里的账号（userid）"
            )
        kept = bool(self._token)
        outcome = self._try(parcel)
        if kept and not self._token:
            outcome = self._try(parcel)
        return outcome

    def _try(self, parcel: Parcel) -> Outcome:
        problem = None if self._token else self._fetch_token(parcel.sent_at)
        if problem is not None:
            return problem
        path = f"/cgi-bin/message/send?access_token={quote(self._token, safe='')}"
        return self.post(path, self._content(parcel), parcel.sent_at)

    def _fetch_token(self, sent_at: datetime) -> Outcome | None:
        """Get a token, or say what went wrong: whatever it was, no message has been sent yet."""
        answer = self.fetch("GET", f"/cgi-bin/gettoken?{self._account}")
        if isinstance(answer, Outcome):
            return _not_sent(answer)
        token = (self.read(answer) or {}).get("access_token")
        if isinstance(token, str) and token and answer.status == 200:
            self._token = token
            self.keep_secret(token)
            return None
        return _not_sent(super().judge(answer, sent_at))

    def _content(self, parcel: Parcel) -> dict[str, Any]:
        kind = "markdown" if wants_markdown(parcel) else "text"
        return {
            "touser": parcel.letter.address,
            "msgtype": kind,
            "agentid": self._agent,
            kind: {"content": parcel.letter.text},
            "enable_duplicate_check": 1,
            "duplicate_check_interval": DUPLICATE_CHECK_SECONDS,
        }

    def judge(self, answer: Answer, sent_at: datetime) -> Outcome:
        """A success that lists our one person as invalid is none; a stale token is forgotten."""
        outcome = super().judge(answer, sent_at)
        found = self.read(answer) or {}
        if str(found.get("errcode")) in _STALE:
            self._token = ""
        if outcome.kind == "sent" and found.get("invaliduser"):
            return Outcome(
                "permanent", BAD_ADDRESS, "企业微信说没有这个账号，或不在应用的可见范围内"
            )
        if outcome.kind == "sent" and found.get("unlicenseduser"):
            return Outcome("permanent", "unlicensed", "这个账号没有企业微信的接口许可，消息未送达")
        return outcome

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse corporation, secret and the application's number."""
        found = NotifyDubanWeb.parse_url(url)
        if not found or not found["host"].isdecimal():
            return None
        found["corp"], found["secret"] = found["user"], found["password"]
        found["agent"] = int(found["host"])
        return found if found["corp"] and found["secret"] else None


def _not_sent(outcome: Outcome) -> Outcome:
    """An outcome of asking for a token, where even "unknown" means that no message went out."""
    if outcome.kind in {"unknown", "sent", "permanent"}:
        return Outcome("temporary", "token", f"取不到企业微信的令牌：{outcome.detail}")
    return outcome
