"""``dubanfeishu://TOKEN?secret=…`` – the bot of a Feishu (飞书) group, signed if a secret is given.

100 messages a minute, 20 KB a message. ``?host=https://open.larksuite.com`` for Lark.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any
from urllib.parse import quote

from duban.ledger.outbox import Outcome
from notifier.channels.base import Parcel
from notifier.channels.web import Codes, NotifyDubanWeb, wants_markdown


def sign(secret: str, moment: datetime) -> dict[str, str]:
    """Timestamp and signature as fields of the message.

    Unlike DingTalk: seconds, and "seconds, line break, secret" is the *key* over an empty text.
    """
    stamp = str(int(moment.timestamp()))
    code = hmac.digest(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256)
    return {"timestamp": stamp, "sign": base64.b64encode(code).decode("ascii")}


class NotifyDubanFeishu(NotifyDubanWeb):
    """Posts a card with Markdown, or text, to one group."""

    service_name = "Duban Feishu bot"
    protocol = "dubanfeishu"
    api = "https://open.feishu.cn"
    # Not listed on purpose: 9499 says "bad request" and, at times, "too many requests" – tried again.
    codes = Codes(
        rate={"11232": 60, "230020": 60, "99991400": 60},
        channel=("19001", "19021", "19022", "19024", "10009"),
        letter=("19002", "11246", "230025", "230028"),
    )
    code_keys = ("code", "StatusCode")  # the older form of a receipt has only the second
    said_keys = ("msg", "StatusMessage")

    def __init__(self, token: str, secret: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._path = f"/open-apis/bot/v2/hook/{quote(token, safe='')}"
        self._secret = secret
        self.keep_secret(token, secret)

    def carry(self, parcel: Parcel) -> Outcome:
        """Post one message; Feishu's answer says ``code``."""
        letter = parcel.letter
        content: dict[str, Any] = {"msg_type": "text", "content": {"text": letter.text}}
        if wants_markdown(parcel):
            content = {"msg_type": "interactive", "card": _card(letter.subject, letter.text)}
        signed = sign(self._secret, parcel.sent_at) if self._secret else {}
        return self.post(self._path, signed | content, parcel.sent_at)

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse the token, which stands where a host would, and ``secret``."""
        found = NotifyDubanWeb.parse_url(url)
        if found:
            found["token"] = found["host"]
            found["secret"] = found["qsd"].get("secret", "")
        return found if found and found["token"] else None


def _card(title: str, text: str) -> dict[str, Any]:
    return {
        "header": {"title": {"tag": "plain_text", "content": title}},
        "elements": [{"tag": "markdown", "content": text}],
    }
