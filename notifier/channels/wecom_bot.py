"""``dubanwecombot://KEY`` – the bot of a WeCom (企业微信) group: 20 messages a minute, 4,096 bytes of Markdown.

``?host=https://…`` for a private deployment. It has no idempotency of its own: ``on_unknown: hold``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from duban.ledger.outbox import Outcome
from notifier.channels.base import Parcel
from notifier.channels.web import Codes, NotifyDubanWeb, wants_markdown


class NotifyDubanWecomBot(NotifyDubanWeb):
    """Posts Markdown or text to one group."""

    service_name = "Duban WeCom bot"
    protocol = "dubanwecombot"
    api = "https://qyapi.weixin.qq.com"
    codes = Codes(
        rate={"45009": 60, "45033": 60, "-1": 60},
        channel=("93000", "93004", "93008", "40001", "60020"),
        letter=("40008", "40058", "44004", "45002", "40035"),
    )

    def __init__(self, key: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._path = f"/cgi-bin/webhook/send?key={quote(key, safe='')}"
        self.keep_secret(key)

    def carry(self, parcel: Parcel) -> Outcome:
        """Post one message; WeCom's answer says ``errcode``."""
        kind = "markdown" if wants_markdown(parcel) else "text"
        content = {"msgtype": kind, kind: {"content": parcel.letter.text}}
        return self.post(self._path, content, parcel.sent_at)

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse the key, which stands where a host would."""
        found = NotifyDubanWeb.parse_url(url)
        if found:
            found["key"] = found["host"]
        return found if found and found["key"] else None
