"""What this version adds to the tables, one function for each room of the house."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from duban.ledger.tables import Moment

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Everything that is new since 0002."""
    _delivery()
    _routes()
    _ladders()
    _reminders()
    _accounts()
    _message_states()
    _api_tokens()
    _papers()
    _mails()
    _requests()
    _evidence()


def _evidence() -> None:
    """Whether a file came before, and which files of the store nobody names, without reading them all."""
    op.create_index("ix_evidence_sha256", "evidence", ["sha256"])


def _requests() -> None:
    """What units ask of the office, and what was changed against the matrix by it."""
    op.add_column(
        "obligation", sa.Column("adjusted", sa.Text(), server_default="{}", nullable=False)
    )
    op.add_column("obligation", _text("origin"))
    op.create_table(
        "request",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("obligation", sa.String(length=240), nullable=False),
        _text("unit", 80),
        _text("kind", 12),
        sa.Column("asked_at", Moment(length=27), nullable=False),
        _text("asked_by", 120),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("proposal", sa.Text(), server_default="{}", nullable=False),
        sa.Column("progress", sa.Text(), server_default="", nullable=False),
        _text("state", 12),
        sa.Column("due_on_asked", sa.Date(), nullable=True),
        sa.Column("decided_at", Moment(length=27), nullable=True),
        _text("decided_by", 120),
        sa.Column("decision_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_date", sa.Date(), nullable=True),
        _text("doc_no", 80),
        sa.Column("idem_key", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["obligation"], ["obligation.key"], name=op.f("fk_request_obligation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sa.UniqueConstraint("idem_key", name=op.f("uq_request_idem_key")),
    )
    op.create_index("ix_request_obligation", "request", ["obligation", "asked_at"])
    op.create_index("ix_request_unit", "request", ["unit", "asked_at"])
    op.create_index("ix_request_state", "request", ["state", "decided_at"])
    op.create_index(
        "ix_request_waiting",
        "request",
        ["asked_at"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _message_states() -> None:
    """What failed, and how many stand in which state, without reading the texts."""
    op.create_index("ix_message_state", "message", ["state", "settled_at", "address"])


def _mails() -> None:
    """Each mail that was taken in or refused, once."""
    op.create_table(
        "mail",
        sa.Column("id", sa.String(length=240), nullable=False),
        _text("number", 64),
        _text("message_id"),
        _text("sender"),
        _text("unit", 80),
        _text("subject"),
        sa.Column("arrived_at", Moment(length=27), nullable=True),
        sa.Column("taken_at", Moment(length=27), nullable=False),
        _text("state", 12),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        _text("answer"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_index("ix_mail_number", "mail", ["number"])
    op.create_index("ix_mail_sender", "mail", ["sender", "taken_at"])


def _api_tokens() -> None:
    """What programs show at the HTTP API: the hash, whose it is, what it may, until when."""
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=240), nullable=False),
        _text("name", 30),
        _text("unit", 80),
        _text("account"),
        _text("scopes", 40),
        sa.Column("made_at", Moment(length=27), nullable=False),
        sa.Column("expires_at", Moment(length=27), nullable=False),
        sa.Column("revoked_at", Moment(length=27), nullable=True),
        _text("why"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
    )


def _accounts() -> None:
    """Accounts of the office and of leaders, what they do at the door, and their secrets."""
    _account_rows()
    _account_secrets()
    op.add_column("digest", _text("approved_by", 120))
    op.add_column("digest", sa.Column("approved_at", Moment(length=27), nullable=True))


def _text(name: str, size: int = 240) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=size), server_default="", nullable=False)


def _account_rows() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.String(length=240), nullable=False),
        _text("role", 12),
        _text("unit", 80),
        sa.Column("active", sa.Integer(), server_default="1", nullable=False),
        _text("claim"),
        sa.Column("made_at", Moment(length=27), nullable=False),
        sa.Column("password_at", Moment(length=27), nullable=True),
        sa.Column("totp_at", Moment(length=27), nullable=True),
        sa.Column("recovery_left", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.String(length=240), nullable=False),
        _text("account"),
        _text("act", 12),
        _text("how", 12),
        sa.Column("at", Moment(length=27), nullable=False),
        _text("address", 60),
        _text("reason"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
    )
    op.create_index("ix_sign_in_account", "sign_in", ["account", "at"])


def _account_secrets() -> None:
    op.create_table(
        "credential",
        sa.Column("name", sa.String(length=240), nullable=False),
        _text("password", 200),
        _text("totp", 400),
        sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("recovery", sa.Text(), server_default="[]", nullable=False),
        _text("invite", 64),
        sa.Column("invite_until", Moment(length=27), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_credential")),
    )
    op.create_index("ix_credential_invite", "credential", ["invite"])
    op.create_table(
        "session",
        sa.Column("id", sa.String(length=240), nullable=False),
        _text("account"),
        _text("stage", 8),
        sa.Column("started_at", Moment(length=27), nullable=False),
        sa.Column("seen_at", Moment(length=27), nullable=False),
        _text("how", 12),
        _text("address", 60),
        _text("browser", 120),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    op.create_index("ix_session_account", "session", ["account"])
    op.create_table(
        "throttle",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Moment(length=27), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_throttle")),
    )


def _reminders() -> None:
    """Why a notice had to wait for another day, and who held which post when last seen."""
    op.add_column("notice", _text("held", 20))
    op.create_table(
        "holders",
        sa.Column("unit", sa.String(length=240), nullable=False),
        sa.Column("seen_at", Moment(length=27), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("unit", name=op.f("pk_holders")),
    )


def _ladders() -> None:
    """Frozen policies, which ladder climbs on what, lamps by month, and decisions on proposals."""
    for name in ("climb_round", "climb_since", "late_days", "late_working"):
        op.add_column(
            "obligation", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )
    for column in (
        _text("ladder", 40),
        _text("score", 60),
        sa.Column("stated", sa.Text(), server_default="", nullable=False),
        _text("assigned_to", 120),
        _text("softened_to", 40),
    ):
        op.add_column("proposal", column)
    op.create_table(
        "policy",
        sa.Column("version", sa.String(length=240), nullable=False),
        _text("kind", 12),
        sa.Column("kept_at", Moment(length=27), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy")),
    )
    _climbs()


def _climbs() -> None:
    op.create_table(
        "climb",
        sa.Column("obligation", sa.String(length=240), nullable=False),
        _text("policy", 64),
        _text("ladder", 40),
        _text("step", 40),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("started_at", Moment(length=27), nullable=False),
        sa.Column("cleared_at", Moment(length=27), nullable=True),
        _text("adopted_by", 120),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["obligation"], ["obligation.key"], name=op.f("fk_climb_obligation")
        ),
        sa.PrimaryKeyConstraint("obligation", name=op.f("pk_climb")),
    )
    op.create_index(
        "ix_climb_going",
        "climb",
        ["obligation"],
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_table(
        "lamp",
        sa.Column("obligation", sa.String(length=240), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        _text("unit", 80),
        _text("task", 80),
        _text("colour", 12),
        _text("name", 40),
        _text("why"),
        _text("policy", 64),
        sa.PrimaryKeyConstraint("obligation", "month", name=op.f("pk_lamp")),
    )
    op.create_index("ix_lamp_month", "lamp", ["month", "colour"])


def _routes() -> None:
    """Which channel was chosen for a message, and why."""
    op.add_column("message", sa.Column("route", sa.Text(), server_default="", nullable=False))


def _delivery() -> None:
    """What a letter waits for and since when, and the order in which letters are claimed."""
    op.add_column("message", _text("wait_why"))
    op.add_column("message", sa.Column("waits_from", Moment(length=27), nullable=True))
    op.add_column("message", sa.Column("down_since", Moment(length=27), nullable=True))
    op.create_index(
        "ix_message_next",
        "message",
        ["urgent", "not_before", "id"],
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )


def _papers() -> None:
    """What a digest is about and when it was published; numbered papers, and what they were made from."""
    for column in (
        _text("scope", 80),
        _text("parent"),
        sa.Column("kind", sa.String(length=10), server_default="week", nullable=False),
        sa.Column("issue", sa.Integer(), server_default="0", nullable=False),
        sa.Column("published_at", Moment(length=27), nullable=True),
        sa.Column("hashes", sa.Text(), server_default="{}", nullable=False),
    ):
        op.add_column("digest", column)
    op.create_index("ix_digest_parent", "digest", ["parent"])
    op.create_table(
        "paper",
        sa.Column("id", sa.String(length=240), nullable=False),
        _text("kind", 20),
        _text("series", 40),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("unit", 80),
        _text("title"),
        _text("issuer", 120),
        _text("made_by", 120),
        sa.Column("made_at", Moment(length=27), nullable=False),
        _text("state", 12),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        _text("sha256", 64),
        sa.Column("files", sa.Text(), server_default="[]", nullable=False),
        sa.Column("hashes", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper")),
        sa.UniqueConstraint("series", "year", "number", name=op.f("uq_paper_series_year_number")),
    )
    op.create_index("ix_paper_made", "paper", ["made_at"])
    op.create_index("ix_paper_unit", "paper", ["unit", "made_at"])
    op.create_table(
        "paper_proposal",
        sa.Column("proposal", sa.String(length=240), nullable=False),
        sa.Column("paper", sa.String(length=240), nullable=False),
        sa.PrimaryKeyConstraint("proposal", name=op.f("pk_paper_proposal")),
    )
    op.create_index("ix_paper_proposal_paper", "paper_proposal", ["paper"])
