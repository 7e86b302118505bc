"""``dubanding://TOKEN?secret=…`` – the bot of a DingTalk (钉钉) group, signed if a secret is given.

20 messages a minute; who sends more is shut out for ten minutes. 20,000 bytes a message.
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


def sign(secret: str, moment: datetime) -> str:
    """Timestamp and signature as query parameters, each escaped once (escaped twice, nobody accepts it).

    HMAC-SHA256 with the secret over "milliseconds, line break, secret", in base64.
    """
    stamp = str(int(moment.timestamp() * 1000))
    code = hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
    return f"timestamp={stamp}&sign={quote(base64.b64encode(code), safe='')}"


class NotifyDubanDing(NotifyDubanWeb):
    """Posts Markdown or text to one group."""

    service_name = "Duban DingTalk bot"
    protocol = "dubanding"
    api = "https://oapi.dingtalk.com"
    codes = Codes(
        rate={"130101": 600, "410100": 60, "-1": 60},
        channel=("310000", "300001", "400101", "400102", "400013", "400014", "40089"),
        letter=("400105", "40035", "43004", "430101", "430102", "430103", "430104"),
    )

    def __init__(self, token: str, secret: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._path = f"/robot/send?access_token={quote(token, safe='')}"
        self._secret = secret
        self.keep_secret(token, secret)

    def carry(self, parcel: Parcel) -> Outcome:
        """Post one message; DingTalk's answer says ``errcode``."""
        letter = parcel.letter
        content: dict[str, Any] = {"msgtype": "text", "text": {"content": letter.text}}
        if wants_markdown(parcel):
            told = {"title": letter.subject, "text": letter.text}
            content = {"msgtype": "markdown", "markdown": told}
        signed = f"&{sign(self._secret, parcel.sent_at)}" if self._secret else ""
        return self.post(self._path + signed, content, parcel.sent_at)

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse the token, which stands where a host would, and ``secret``."""
        found = NotifyDubanWeb.parse_url(url)
        if found:
            found["token"] = found["host"]
            found["secret"] = found["qsd"].get("secret", "")
        return found if found and found["token"] else None
