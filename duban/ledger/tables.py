"""The ledger's tables. ``event`` is the record; every other table is a projection of it.

Projections can be thrown away and built again from the events (``duban.ledger.events.rebuild``).
Overdue, lamp and "reminded" are never columns: they are computed from dates and ``now``. Columns that
serve only the hand-over of messages (leases) are marked operational and are not part of the record.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from duban import clock

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware moment: fixed-width UTC text in SQLite, ``timestamptz`` in PostgreSQL."""

    impl = sa.String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Each database's own way to keep a moment that sorts as time does."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a naive moment before it reaches a row."""
        if value is None:
            return None
        aware = clock.local(value)
        return aware.astimezone(UTC) if dialect.name == "postgresql" else clock.stamp(aware)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give the moment on a clock in Asia/Shanghai."""
        if value is None:
            return None
        return clock.local(value) if isinstance(value, datetime) else clock.parse_stamp(value)


class Exact(TypeDecorator[Decimal]):
    """A decimal number kept as its own text, so that no database rounds it."""

    impl = sa.String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Text without exponent."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """The same number again."""
        return None if value is None else Decimal(value)


def _key(name: str = "id") -> sa.Column[str]:
    return sa.Column(name, sa.String(240), primary_key=True)


def _text(name: str, size: int = 240, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(size), nullable=False, server_default=default)


event = sa.Table(
    "event",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("kind", 60),
    _text("subject"),
    sa.Column("obligation", sa.String(240)),
    _text("actor", 120),
    _text("cause"),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("prev_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Index(
        "ix_event_obligation",
        "obligation",
        "seq",
        sqlite_where=sa.text("obligation IS NOT NULL"),
        postgresql_where=sa.text("obligation IS NOT NULL"),
    ),
    sa.Index("ix_event_subject", "subject", "seq"),
)

trait = sa.Table("trait", metadata, _key("name"), sa.Column("value", sa.Text, nullable=False))

plan = sa.Table(
    "plan",
    metadata,
    _key(),
    _text("title"),
    sa.Column("in_use_from", sa.Date, nullable=False),
    _text("digest", 64),
    sa.Column("applied_at", Moment, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

unit = sa.Table(
    "unit",
    metadata,
    _key(),
    _text("name"),
    _text("short"),
    _text("kind", 20),
    _text("grp", 60),
    sa.Column("active", sa.Integer, nullable=False, server_default="1"),
    sa.Column("data", sa.Text, nullable=False),
)

task = sa.Table(
    "task",
    metadata,
    sa.Column("plan", sa.String(80), primary_key=True),
    sa.Column("id", sa.String(80), primary_key=True),
    _text("title"),
    _text("area", 80),
    sa.Column("weight", Exact, nullable=False),
    sa.Column("withdrawn_on", sa.Date),
    _text("source", 20),
    sa.Column("data", sa.Text, nullable=False),
)

obligation = sa.Table(
    "obligation",
    metadata,
    _key("key"),
    _text("plan", 80),
    _text("task", 80),
    _text("unit", 80),
    _text("role", 12),  # lead | joint | support | part
    _text("kind", 12),  # finish | milestone | report | summary
    _text("period", 40),
    _text("label"),  # 2026年一季度, 办结, the milestone's title
    _text("title"),
    _text("phrase"),
    sa.Column("opens_on", sa.Date),
    sa.Column("due_on", sa.Date),
    sa.Column("due_at", Moment),
    sa.Column("original_due_on", sa.Date),
    sa.Column("provisional", sa.Integer, nullable=False, server_default="0"),
    sa.Column("weight", Exact, nullable=False),
    _text("deadline_class", 12),
    sa.Column("urgent", sa.Integer, nullable=False, server_default="0"),
    _text("state", 12),
    sa.Column("is_open", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False, server_default="1"),
    sa.Column("requested_at", Moment),
    sa.Column("acked_at", Moment),
    sa.Column("missed_at", Moment),
    sa.Column("submitted_at", Moment),  # the first time it came in; ours, never the stated date
    sa.Column("closed_at", Moment),
    sa.Column("submission", sa.String(240)),
    sa.Column("versions", sa.Integer, nullable=False, server_default="0"),
    sa.Column("returned", sa.Integer, nullable=False, server_default="0"),
    sa.Column("extended", sa.Integer, nullable=False, server_default="0"),
    sa.Column("remaining_days", sa.Integer),  # working days kept while suspended
    # A return goes on with the ladder where it stood: which rounds belong together, and what was used up.
    sa.Column("climb_round", sa.Integer, nullable=False, server_default="0"),
    sa.Column("climb_since", sa.Integer, nullable=False, server_default="0"),
    sa.Column("late_days", sa.Integer, nullable=False, server_default="0"),
    sa.Column("late_working", sa.Integer, nullable=False, server_default="0"),
    sa.Column("percent", sa.Integer),
    _text("reason"),
    # What the office changed against the matrix by a request, old value beside the new; and whose
    # request made an obligation that no matrix lists (a part of a split, one given to another unit).
    sa.Column("adjusted", sa.Text, nullable=False, server_default="{}"),
    _text("origin"),
    sa.CheckConstraint("is_open IN (0, 1)", name="is_open"),
    # Scheduled scans seek today's few due dates here: cost follows the hits, not the table.
    sa.Index(
        "ix_obligation_open_due",
        "due_on",
        "key",
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open = 1"),
    ),
    sa.Index("ix_obligation_unit", "unit", "due_on"),
    sa.Index("ix_obligation_task", "plan", "task"),
    sa.Index("ix_obligation_due", "due_on"),
    sa.Index(
        "ix_obligation_opens",
        "opens_on",
        sqlite_where=sa.text("is_open = 1 AND requested_at IS NULL"),
        postgresql_where=sa.text("is_open = 1 AND requested_at IS NULL"),
    ),
)

submission = sa.Table(
    "submission",
    metadata,
    _key(),
    sa.Column(
        "obligation", sa.String(240), sa.ForeignKey("obligation.key"), nullable=False, index=True
    ),
    _text("unit", 80),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("stated_on", sa.Date),
    sa.Column("late", sa.Integer, nullable=False, server_default="0"),
    sa.Column("nil", sa.Integer, nullable=False, server_default="0"),
    sa.Column("progress", sa.Text, nullable=False, server_default=""),
    sa.Column("problem", sa.Text, nullable=False, server_default=""),
    sa.Column("next_step", sa.Text, nullable=False, server_default=""),
    sa.Column("percent", sa.Integer),
    sa.Column(
        "figures", sa.Text, nullable=False, server_default="{}"
    ),  # indicator id to decimal text
    _text("signed_by", 80),
    _text("door", 20),  # link | workbook | api | cli | simulation
    _text("actor", 120),
    _text("state", 12),  # pending | accepted | returned
    sa.Column("reviewed_at", Moment),
    _text("reviewer", 120),
    sa.Column("review_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("idem_key", sa.String(120), unique=True),
    sa.Index("ix_submission_unit", "unit", "received_at"),
    sa.Index(
        "ix_submission_pending",
        "received_at",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    ),
)

request = sa.Table(
    "request",
    metadata,
    _key(),
    sa.Column("obligation", sa.String(240), sa.ForeignKey("obligation.key"), nullable=False),
    _text("unit", 80),
    _text("kind", 12),  # extension | suspension | adjustment | withdrawal | merge | split
    sa.Column("asked_at", Moment, nullable=False),
    _text("asked_by", 120),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("proposal", sa.Text, nullable=False, server_default="{}"),
    sa.Column("progress", sa.Text, nullable=False, server_default=""),
    _text("state", 12),  # waiting | granted | refused | withdrawn
    sa.Column("due_on_asked", sa.Date),  # the due that stood when it was asked
    sa.Column("decided_at", Moment),
    _text("decided_by", 120),
    sa.Column("decision_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("decided_date", sa.Date),  # the office's day in place of the one asked for
    _text("doc_no", 80),
    sa.Column("idem_key", sa.String(120), unique=True),
    sa.Index("ix_request_obligation", "obligation", "asked_at"),
    sa.Index("ix_request_unit", "unit", "asked_at"),
    sa.Index("ix_request_state", "state", "decided_at"),
    sa.Index(
        "ix_request_waiting",
        "asked_at",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
)

evidence = sa.Table(
    "evidence",
    metadata,
    _key(),  # submission id and hash
    sa.Column(
        "submission", sa.String(240), sa.ForeignKey("submission.id"), nullable=False, index=True
    ),
    _text("sha256", 64),
    _text("name"),
    _text("media_type", 100),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("stored_at", Moment, nullable=False),
    _text("actor", 120),
    sa.Index("ix_evidence_sha256", "sha256"),
)

notice = sa.Table(
    "notice",
    metadata,
    _key(),
    sa.Column("obligation", sa.String(240), sa.ForeignKey("obligation.key"), nullable=False),
    _text("rung", 40),
    sa.Column("round", sa.Integer, nullable=False),
    _text("recipient", 20),  # the post it is meant for
    _text("unit", 80),
    _text("task", 80),
    _text("kind", 20),  # remind | request | urge | supervise | returned | summary | handover
    sa.Column("urgent", sa.Integer, nullable=False, server_default="0"),
    sa.Column("moment", Moment, nullable=False),  # when the rung came up
    sa.Column("decided_at", Moment, nullable=False),
    _text("outcome", 20),  # pending | grouped | or why it was not said
    _text("held", 20),  # why it had to wait for another day: hours | today | cap; empty: it had not
    _text("reason"),
    sa.Column("message", sa.String(240)),
    sa.UniqueConstraint("obligation", "rung", "round", "recipient"),
    sa.Index(
        "ix_notice_pending",
        "unit",
        "recipient",
        sqlite_where=sa.text("outcome = 'pending'"),
        postgresql_where=sa.text("outcome = 'pending'"),
    ),
    sa.Index("ix_notice_unit", "unit", "decided_at"),
    sa.Index("ix_notice_message", "message"),
)

message = sa.Table(
    "message",
    metadata,
    _key(),  # the idempotency key: what it is, for whom, which day
    _text("kind", 20),
    _text("unit", 80),
    _text("post", 20),
    _text("person", 80),
    _text("address"),
    _text("channel", 40),
    _text("subject"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False, server_default=""),
    sa.Column("attachments", sa.Text, nullable=False, server_default="[]"),  # paths below var/
    sa.Column("urgent", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("not_before", Moment, nullable=False),
    sa.Column("expires_at", Moment),
    _text("state", 12),  # queued | sent | failed | unknown | expired | cancelled | moved
    sa.Column("settled_at", Moment),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("route", sa.Text, nullable=False, server_default=""),  # which channel, and why
    # Operational, not part of the record: who is sending it just now, and how often it was tried.
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("retry_at", Moment),
    _text("lease_owner", 80),
    sa.Column("lease_until", Moment),
    sa.Column("handed_over", sa.Integer, nullable=False, server_default="0"),
    _text("wait_why"),  # why it is not sent just now, in a sentence
    sa.Column("waits_from", Moment),  # when that was decided
    sa.Column("down_since", Moment),  # since when it waits only because its channel is down
    sa.Index(
        "ix_message_queued",
        "not_before",
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    ),
    # Urgent ones and ordinary ones are each claimed in this order: no sorting, whatever waits.
    sa.Index(
        "ix_message_next",
        "urgent",
        "not_before",
        "id",
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    ),
    sa.Index("ix_message_unit", "unit", "created_at"),
    # Every round asks what failed and how many stand in which state: texts are not read for that.
    sa.Index("ix_message_state", "state", "settled_at", "address"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("message", sa.String(240), sa.ForeignKey("message.id"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    _text("worker", 80),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("finished_at", Moment),
    _text("outcome", 12),
    _text("code", 40),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_attempt_finished", "finished_at"),  # rates count what was sent lately
)

proposal = sa.Table(
    "proposal",
    metadata,
    _key(),  # obligation, step and round
    sa.Column(
        "obligation", sa.String(240), sa.ForeignKey("obligation.key"), nullable=False, index=True
    ),
    _text("unit", 80),
    _text("task", 80),
    _text("step", 40),
    sa.Column("round", sa.Integer, nullable=False),
    _text("name", 60),
    _text("paper", 20),
    _text("policy", 64),
    sa.Column("raised_at", Moment, nullable=False),
    _text(
        "state", 12
    ),  # taken (needed nobody) | waiting | confirmed | softened | dropped | withdrawn
    sa.Column("decided_at", Moment),
    _text("decided_by", 120),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    _text("ladder", 40),  # of the policy: which of its ladders
    _text("score", 60),  # what the step means for the assessment, by name or points
    sa.Column(
        "stated", sa.Text, nullable=False, server_default=""
    ),  # the unit's own reason, as told
    _text("assigned_to", 120),  # the named decider to whom it was handed over
    _text("softened_to", 40),  # the milder step that left in its stead
    sa.UniqueConstraint("obligation", "step", "round"),
    sa.Index("ix_proposal_state", "state", "raised_at"),
)

policy = sa.Table(
    "policy",
    metadata,
    _key("version"),  # of its content
    _text("kind", 12),  # ladder | lamps
    sa.Column("kept_at", Moment, nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # the whole policy as canonical JSON
)

climb = sa.Table(
    "climb",
    metadata,
    sa.Column("obligation", sa.String(240), sa.ForeignKey("obligation.key"), primary_key=True),
    _text("policy", 64),
    _text("ladder", 40),
    _text("step", 40),  # the highest that was raised: a ladder is never climbed downwards
    sa.Column("round", sa.Integer, nullable=False, server_default="1"),  # in which it was raised
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("cleared_at", Moment),  # closed, and said to those who had been told
    _text("adopted_by", 120),  # who moved it to another version, if anybody
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Index(
        "ix_climb_going",
        "obligation",
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    ),
)

lamp = sa.Table(
    "lamp",
    metadata,
    sa.Column("obligation", sa.String(240), primary_key=True),
    sa.Column("month", sa.String(7), primary_key=True),  # 2026-03, recorded when it has closed
    _text("unit", 80),
    _text("task", 80),
    _text("colour", 12),
    _text("name", 40),
    _text("why"),
    _text("policy", 64),
    sa.Index("ix_lamp_month", "month", "colour"),
)

holders = sa.Table(
    "holders",
    metadata,
    _key("unit"),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # post to name, address and since
)

link = sa.Table(
    "link",
    metadata,
    _key("token_hash"),
    _text("unit", 80),
    _text("post", 20),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    _text("why"),
)

silence = sa.Table(
    "silence",
    metadata,
    _key(),
    _text("unit", 80),
    _text("task", 80),  # empty: every task
    _text("post", 20),  # empty: every post
    sa.Column("from_at", Moment, nullable=False),
    sa.Column("until_on", sa.Date, nullable=False),
    _text("author", 120),
    _text("reason"),
    sa.Column("ended_at", Moment),
    sa.Index("ix_silence_unit", "unit", "until_on"),
)

digest = sa.Table(
    "digest",
    metadata,
    _key(),
    sa.Column("from_on", sa.Date, nullable=False),
    sa.Column("to_on", sa.Date, nullable=False),
    sa.Column("as_of", Moment, nullable=False),
    _text("state", 12),  # draft | approved | published
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("files", sa.Text, nullable=False, server_default="[]"),
    _text("approved_by", 120),
    sa.Column("approved_at", Moment),
    _text("kind", 10, "week"),  # week | month | quarter
    _text("scope", 80),  # whose items; empty: everybody's
    _text("parent"),  # of a leader's or head's own: the digest that is approved for it
    sa.Column("issue", sa.Integer, nullable=False, server_default="0"),  # 第几期 of a bulletin
    sa.Column("published_at", Moment),
    sa.Column("hashes", sa.Text, nullable=False, server_default="{}"),  # file to SHA-256
    sa.Index("ix_digest_parent", "parent"),
)

paper = sa.Table(
    "paper",
    metadata,
    _key(),  # kind, year and number
    _text("kind", 20),
    _text("series", 40),  # 机关代字 with the kind's: 新知专班办督
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    _text("unit", 80),  # to whom; empty: to all
    _text("title"),
    _text("issuer", 120),
    _text("made_by", 120),
    sa.Column("made_at", Moment, nullable=False),
    _text("state", 12),  # draft | void: the number is kept and never used again
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("data", sa.Text, nullable=False),  # what it says, as canonical JSON
    _text("sha256", 64),  # of that
    sa.Column("files", sa.Text, nullable=False, server_default="[]"),
    sa.Column("hashes", sa.Text, nullable=False, server_default="{}"),  # file to SHA-256
    sa.UniqueConstraint("series", "year", "number"),
    sa.Index("ix_paper_made", "made_at"),
    sa.Index("ix_paper_unit", "unit", "made_at"),
)

paper_proposal = sa.Table(
    "paper_proposal",
    metadata,
    _key("proposal"),  # one paper for a confirmed proposal, never two
    sa.Column("paper", sa.String(240), nullable=False, index=True),
)

run = sa.Table(
    "run",
    metadata,
    _key(),
    _text("period", 40),
    sa.Column("as_of", Moment, nullable=False),
    _text("sheet"),
    _text("rule_hash", 64),
    _text("input_hash", 64),
    _text("result_hash", 64),
    _text("code_version", 40),
    _text("state", 12),  # draft | published
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("files", sa.Text, nullable=False, server_default="[]"),
)

tick = sa.Table(
    "tick",
    metadata,
    _key("stage"),
    sa.Column("logical_at", Moment, nullable=False),
    sa.Column("finished_at", Moment, nullable=False),
    sa.Column("counts", sa.Text, nullable=False, server_default="{}"),
)

account = sa.Table(
    "account",
    metadata,
    _key("name"),  # what its owner signs in with and signs by; never used again for another
    _text("role", 12),  # admin | reviewer | leader | head | auditor
    _text("unit", 80),  # of a head; empty: the office
    sa.Column("active", sa.Integer, nullable=False, server_default="1"),
    _text("claim"),  # what the sign-in service calls its owner; empty: the name
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("password_at", Moment),  # when a password was set; the hash is in ``credential``
    sa.Column("totp_at", Moment),  # since when a second factor is asked for
    sa.Column("recovery_left", sa.Integer, nullable=False, server_default="0"),
)

sign_in = sa.Table(
    "sign_in",
    metadata,
    _key(),
    _text("account"),  # empty where no account has the name that was typed: it may be a password
    _text("act", 12),  # in | out | refused
    _text("how", 12),  # password | code | oidc | key
    sa.Column("at", Moment, nullable=False),
    _text("address", 60),  # the network only: 10.2.3.0/24
    _text("reason"),
    sa.Index("ix_sign_in_account", "account", "at"),
)

api_token = sa.Table(
    "api_token",
    metadata,
    _key(),  # hash of the token, which nobody keeps; when it was last used is not noted
    _text("name", 30),  # what it is for
    _text("unit", 80),  # whose rows it sees; empty: the office's
    _text("account"),  # in whose name an office's program acts; empty: it only reads
    _text("scopes", 40),  # read, submit, review
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    _text("why"),
)

# ---- kept outside the record: secrets and what passes within hours --------------------------------

mail = sa.Table(
    "mail",
    metadata,
    _key(),  # mailbox and where in it the mail lies
    _text("number", 64),  # of Message-ID and content: the same mail at two places is one
    _text("message_id"),
    _text("sender"),
    _text("unit", 80),
    _text("subject"),
    sa.Column("arrived_at", Moment),  # at the mail server, by its own word
    sa.Column("taken_at", Moment, nullable=False),
    _text("state", 12),  # taken | partly | refused | ignored | again
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    _text("answer"),  # the letter that answers it
    sa.Index("ix_mail_number", "number"),
    sa.Index("ix_mail_sender", "sender", "taken_at"),
)

credential = sa.Table(
    "credential",
    metadata,
    _key("name"),
    _text("password", 200),  # argon2id
    _text("totp", 400),  # sealed with the home's account key
    sa.Column("totp_step", sa.BigInteger, nullable=False, server_default="0"),  # no code twice
    sa.Column("recovery", sa.Text, nullable=False, server_default="[]"),  # hashes of what is left
    _text("invite", 64),  # hash of the one-time link that sets a password
    sa.Column("invite_until", Moment),
    sa.Index("ix_credential_invite", "invite"),
)

session = sa.Table(
    "session",
    metadata,
    _key(),  # hash of the cookie
    _text("account"),
    _text("stage", 8),  # code | enrol | full
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    _text("how", 12),
    _text("address", 60),
    _text("browser", 120),
    sa.Index("ix_session_account", "account"),
)

throttle = sa.Table(
    "throttle",
    metadata,
    _key(),  # hash of an account's name or an address
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
)

OPERATIONAL: dict[str, frozenset[str]] = {
    "message": frozenset(
        {"attempts", "retry_at", "lease_owner", "lease_until", "handed_over"}
        | {"wait_why", "waits_from", "down_since"}
    ),
}
"""Columns that a rebuild from events does not restore."""

KEPT = frozenset({"credential", "session", "throttle"})
"""Tables without events that a rebuild leaves as they are: no secret ever stands in an event."""

UNRECORDED = frozenset({"attempt"}) | KEPT
"""Tables outside the record: the log of hand-overs, whose results are events of the message."""
