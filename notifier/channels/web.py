"""What our plugins for services on the web share: post JSON, and judge what became of it by the *body*.

Services in China answer 200 to nearly everything and say in the body whether they took it; the stock
plugins look at the 200. What the answer does not make sure is ``unknown``, never ``sent``.

Error codes are those of the providers' documents. A key, a signature or a list of allowed addresses that
is wrong is the channel's fault: the outcome is ``unreachable`` and no letter loses a try for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from duban.ledger.outbox import BAD_ADDRESS, RATE, UNREACHABLE, Outcome
from notifier.channels.base import PARCEL, NotifyDuban, Parcel
from notifier.webpost import Answer, NoAnswerError, NotTakenError, Web, origin_of

RATE_SECONDS = 60
_LONGEST_RETRY_AFTER = 86_400
_GATEWAY_GAVE_UP = frozenset({502, 504})  # the service behind it may have acted
_TRY_AGAIN = frozenset({408, 425, 500, 503})
_TOO_BIG_OR_WRONG = frozenset({400, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class Codes:
    """What the error codes of a service mean; a refusal not listed is tried again, six times at most."""

    ok: Collection[str] = ("0",)
    rate: Mapping[str, int] = field(default_factory=dict)
    """Too many messages: seconds to wait."""
    channel: Collection[str] = ()
    """Wrong key, signature, address of ours: every message would be refused."""
    person: Collection[str] = ()
    """Nobody is at this address."""
    letter: Collection[str] = ()
    """This text is refused, now and later."""

    def judge(self, code: str, said: str) -> Outcome:
        """The outcome of an answer that names ``code``."""
        told = f"{code} {said}".strip()
        if code in self.ok:
            return Outcome("sent", code[:40], said)
        if code in self.rate:
            return Outcome("temporary", RATE, f"对方限流（{told}）", self.rate[code])
        if code in self.channel:
            return Outcome(
                "temporary", UNREACHABLE, f"对方不认这个渠道的口令、签名或来源（{told}）"
            )
        if code in self.person:
            return Outcome("permanent", BAD_ADDRESS, f"对方说没有这个收件人（{told}）")
        if code in self.letter:
            return Outcome("permanent", code[:40], f"对方拒收这条内容（{told}）")
        return Outcome("temporary", code[:40], f"对方没有接收（{told}）")


class NotifyDubanWeb(NotifyDuban):
    """Base of plugins that post JSON. ``?host=https://…`` names a private gateway, ``ca=`` its authority."""

    api = ""
    """Where the public service is."""
    codes = Codes()
    code_keys: tuple[str, ...] = ("errcode",)
    said_keys: tuple[str, ...] = ("errmsg",)

    def __init__(self, gateway: str = "", ca_file: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        origin = origin_of(gateway or self.api)
        if origin is None:
            msg = "host= must be https://host[:port][/path], or http:// on this machine"
            raise TypeError(msg)
        self.web = Web(origin, ca_file=ca_file)
        self._secrets: tuple[str, ...] = ()

    def keep_secret(self, *values: str) -> None:
        """Remember what must not stand in an outcome, whatever the other side repeats."""
        self._secrets = (*self._secrets, *(value for value in values if len(value) >= 4))

    def post(
        self, path: str, content: Mapping[str, Any], sent_at: datetime, **headers: str
    ) -> Outcome:
        """Post JSON and judge the answer."""
        found = self.fetch("POST", path, json_bytes(content), headers)
        return found if isinstance(found, Outcome) else self.judge(found, sent_at)

    def fetch(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer | Outcome:
        """The answer to a request, or what to make of there being none.

        All requests for one letter share its deadline.
        """
        parcel = PARCEL.get()
        try:
            return self.web.request(method, path, body, headers, parcel.by if parcel else None)
        except NotTakenError as problem:
            return Outcome("temporary", UNREACHABLE, self.scrubbed(str(problem)))
        except NoAnswerError as problem:
            return Outcome("unknown", "no-answer", self.scrubbed(str(problem)))

    def judge(self, answer: Answer, sent_at: datetime) -> Outcome:
        """What an answer means: the code in its body first, its HTTP status only where there is none."""
        found = self.read(answer)
        code = _first(found, self.code_keys)
        refused = answer.status >= 400 and code in self.codes.ok
        if answer.status == 429 or code == "" or refused or 300 <= answer.status < 400:
            return _by_status(answer, found is not None, sent_at)
        return self.codes.judge(code, self.scrubbed(_first(found, self.said_keys)))

    @staticmethod
    def read(answer: Answer) -> dict[str, Any] | None:
        """The JSON object of an answer, or None when it holds no such thing."""
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def scrubbed(self, said: str) -> str:
        """What the other side said, on one line, without a secret it may have repeated."""
        for value in self._secrets:
            said = said.replace(value, "＊＊＊")
        return " ".join(re.sub(r"https?://\S+", "（地址略）", said).split())[:300]

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse account, host and the options ``host`` and ``ca``."""
        found: dict[str, Any] | None = NotifyDuban.parse_url(url, verify_host=False)
        if found:
            found["gateway"] = found["qsd"].get("host", "")
            found["ca_file"] = found["qsd"].get("ca", "")
            for name in ("user", "password", "host"):
                found[name] = NotifyDuban.unquote(found[name] or "")
        return found


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8: with escapes, Chinese would take twice the bytes a service allows."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def wants_markdown(parcel: Parcel) -> bool:
    """Whether the channel's text is Markdown."""
    return parcel.form == "md"


def _first(found: Mapping[str, Any] | None, keys: Collection[str]) -> str:
    """The first value that is there, as text; empty when there is none."""
    for key in keys:
        value = (found or {}).get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def _by_status(answer: Answer, is_json: bool, sent_at: datetime) -> Outcome:
    """What to make of an answer whose body says nothing."""
    status, code = answer.status, str(answer.status)
    if status == 429:
        wait = seconds_of(answer.retry_after, sent_at) or RATE_SECONDS
        return Outcome("temporary", RATE, "对方限流（429）", wait)
    if 300 <= status < 400:
        return Outcome(
            "temporary", UNREACHABLE, f"对方要求转到别的网址（{code}），多半是网关的登录页"
        )
    if status in _GATEWAY_GAVE_UP:
        return Outcome("unknown", code, f"中间的网关没等到结果（{code}）")
    if status in _TRY_AGAIN:
        later = seconds_of(answer.retry_after, sent_at)
        return Outcome("temporary", code, f"对方暂时处理不了（{code}）", later)
    if status in _TOO_BIG_OR_WRONG:
        return Outcome("permanent", code, f"对方说请求不合要求（{code}）")
    if 400 <= status < 500:
        return Outcome("temporary", UNREACHABLE, f"对方不接受这个地址或口令（{code}）")
    if status >= 500:
        return Outcome("unknown", code, f"对方出错（{code}），结果不明")
    if answer.body.lstrip().startswith(b"<"):
        # Some page in between answered, not the service. Six tries bound the copies if it lied.
        return Outcome("temporary", "html", f"答复是网页而不是接口的回执（{code}）")
    what = "回执里没有结果" if is_json else "答复是空的或不成样子"
    return Outcome("unknown", "no-receipt", f"{what}（{code}），不能当作已送达")


def seconds_of(retry_after: str, now: datetime) -> int | None:
    """``Retry-After`` in seconds: a number or a date (RFC 9110, 10.2.3); None when it says neither."""
    given = retry_after.strip()
    if given.isascii() and given.isdigit():
        return min(int(given[:9]), _LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(given)
        return min(max(int((until - now).total_seconds()), 0), _LONGEST_RETRY_AFTER)
    except (ValueError, TypeError, IndexError):
        return None
