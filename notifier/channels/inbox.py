"""``dubaninbox://`` – the inbox of the portal: the message's own row is what it shows."""

from __future__ import annotations

from typing import Any

from duban.ledger.outbox import Outcome
from notifier.channels.base import NotifyDuban, Parcel


class NotifyDubanInbox(NotifyDuban):
    """Nothing to carry: once settled, the portal shows the message."""

    service_name = "Duban inbox"
    protocol = "dubaninbox"

    def carry(self, parcel: Parcel) -> Outcome:
        """Always arrives."""
        return Outcome("sent", "inbox", "已放入站内信")

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse ``dubaninbox://``."""
        found: dict[str, Any] | None = NotifyDuban.parse_url(url, verify_host=False)
        return found
