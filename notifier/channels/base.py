"""What all our plugins share: the parcel they carry and the outcome they leave.

``Apprise.notify()`` gives one bool for everything. With a single service it calls the plugin in the
caller's own thread, so a context variable brings the letter in and the real outcome back.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import apprise

from duban.ledger.outbox import BAD_ADDRESS, UNREACHABLE, Letter, Outcome
from notifier.deadline import Deadline
from notifier.mime import Attachment, Sender, build_mail
from notifier.smtp import good_address


@dataclass(frozen=True, slots=True)
class Parcel:
    """A letter with what sending it needs. ``form``: what its text is, as its channel says: mail, md, text.

    ``by``: when sending it must have ended, whatever the other side does.
    """

    letter: Letter
    sender: Sender
    attachments: tuple[Attachment, ...]
    sent_at: datetime
    form: str = "mail"
    by: Deadline = field(default_factory=Deadline)

    def refused(self) -> Outcome | None:
        """Why no mail can be made of it, or None: a wrong sender is the channel's fault, not the letter's."""
        if not good_address(self.sender.address):
            why = "发件人地址写得不对，请核对 mail_from 或 from="
            return Outcome("temporary", UNREACHABLE, why)
        if not good_address(self.letter.address):
            return Outcome("permanent", BAD_ADDRESS, "邮箱地址的写法不对")
        return None

    def as_mail(self) -> bytes:
        """The letter as a mail."""
        letter = self.letter
        return build_mail(
            key=letter.id,
            sender=self.sender,
            to_name=letter.person,
            to_address=letter.address,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            attachments=self.attachments,
            sent_at=self.sent_at,
            threads=letter.threads,
        )


PARCEL: ContextVar[Parcel | None] = ContextVar("parcel", default=None)
OUTCOME: ContextVar[Outcome | None] = ContextVar("outcome", default=None)


# Apprise's own annotations are partial and contradict its documented use: taken as untyped here.
_NotifyBase: Any = apprise.NotifyBase


class NotifyDuban(_NotifyBase):  # type: ignore[misc]
    """Base of our plugins: carries the parcel, leaves an outcome, never waits on its own."""

    # Really "seconds between two requests", slept in the caller; rates belong to the outbox.
    request_rate_per_sec = 0
    notify_format = apprise.NotifyFormat.TEXT
    title_maxlen = 0
    body_maxlen = 10_000_000
    templates = ("{schema}://",)

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        """Carry the current parcel; True only when it was surely sent."""
        parcel = PARCEL.get()
        if parcel is None:
            outcome = Outcome("permanent", "no-parcel", "没有要发送的信")
        else:
            outcome = self.carry(parcel)
        OUTCOME.set(outcome)
        return outcome.kind == "sent"

    def carry(self, parcel: Parcel) -> Outcome:
        """Send one parcel and say what became of it."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what the plugin holds open."""

    def url(self, privacy: bool = False, *args: Any, **kwargs: Any) -> str:
        """A name for logs; it holds no address and no secret, whatever is asked."""
        return f"{self.protocol}://"
