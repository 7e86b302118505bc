"""``dubanmail://`` and ``dubanmails://`` – SMTP over a pool of kept connections.

``dubanmails://user:password@host`` speaks TLS from the first byte; ``dubanmail://host`` uses STARTTLS, or
plain text to a server on this machine. ``?mode=ssl|starttls|plain`` decides otherwise, ``from=`` names the
sender, ``ca=`` a file with the certificate of an inner network's own authority.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from duban.ledger.outbox import Outcome
from notifier.channels.base import NotifyDuban, Parcel
from notifier.smtp import MODES, PORTS, Server, SmtpPool, good_address

_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


class NotifyDubanMail(NotifyDuban):
    """Sends through its pool; the pool lives as long as the plugin."""

    service_name = "Duban mail"
    protocol = "dubanmail"
    secure_protocol = "dubanmails"

    def __init__(self, mode: str, ca_file: str, sender: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        default = "ssl" if self.secure else "plain" if self.host in _HERE else "starttls"
        mode = mode or default
        if mode not in MODES or (sender and not good_address(sender)):
            msg = f"mode must be one of {MODES} and from= an address"
            raise TypeError(msg)
        self._sender = sender
        self.pool = SmtpPool(
            Server(
                host=self.host,
                port=self.port or PORTS[mode],
                mode=mode,
                user=self.user or "",
                password=self.password or "",
                ca_file=ca_file,
            )
        )

    def carry(self, parcel: Parcel) -> Outcome:
        """Send one mail to its one recipient."""
        if self._sender:
            parcel = replace(parcel, sender=replace(parcel.sender, address=self._sender))
        refused = parcel.refused()
        if refused is not None:
            return refused
        address = parcel.letter.address
        outcomes = self.pool.send(parcel.sender.address, [address], parcel.as_mail(), parcel.by)
        return outcomes[address]

    def close(self) -> None:
        """Say goodbye to the server."""
        self.pool.close()

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse host, account and the options ``mode``, ``from`` and ``ca``."""
        found: dict[str, Any] | None = NotifyDuban.parse_url(url)
        if found:
            options = found["qsd"]
            found["mode"] = options.get("mode", "")
            found["sender"] = NotifyDuban.unquote(options.get("from", ""))
            found["ca_file"] = NotifyDuban.unquote(options.get("ca", ""))
        return found
