"""The first tables, and the triggers that keep the record append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from duban.ledger.tables import Exact, Moment

revision = "0001"
down_revision = None

_SENTENCE = "the record is append-only: events are never changed or deleted"


def upgrade() -> None:
    op.create_table(
        "digest",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("as_of", Moment(length=27), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="", nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest")),
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=60), server_default="", nullable=False),
        sa.Column("subject", sa.String(length=240), server_default="", nullable=False),
        sa.Column("obligation", sa.String(length=240), nullable=True),
        sa.Column("actor", sa.String(length=120), server_default="", nullable=False),
        sa.Column("cause", sa.String(length=240), server_default="", nullable=False),
        sa.Column("occurred_at", Moment(length=27), nullable=False),
        sa.Column("recorded_at", Moment(length=27), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        sa.UniqueConstraint("hash", name=op.f("uq_event_hash")),
    )
    op.create_index(
        "ix_event_obligation",
        "event",
        ["obligation", "seq"],
        unique=False,
        sqlite_where=sa.text("obligation IS NOT NULL"),
        postgresql_where=sa.text("obligation IS NOT NULL"),
    )
    op.create_index("ix_event_subject", "event", ["subject", "seq"], unique=False)
    op.create_table(
        "link",
        sa.Column("token_hash", sa.String(length=240), nullable=False),
        sa.Column("unit", sa.String(length=80), server_default="", nullable=False),
        sa.Column("post", sa.String(length=20), server_default="", nullable=False),
        sa.Column("created_at", Moment(length=27), nullable=False),
        sa.Column("expires_at", Moment(length=27), nullable=False),
        sa.Column("revoked_at", Moment(length=27), nullable=True),
        sa.Column("why", sa.String(length=240), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_link")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("kind", sa.String(length=20), server_default="", nullable=False),
        sa.Column("unit", sa.String(length=80), server_default="", nullable=False),
        sa.Column("post", sa.String(length=20), server_default="", nullable=False),
        sa.Column("person", sa.String(length=80), server_default="", nullable=False),
        sa.Column("address", sa.String(length=240), server_default="", nullable=False),
        sa.Column("channel", sa.String(length=40), server_default="", nullable=False),
        sa.Column("subject", sa.String(length=240), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), server_default="", nullable=False),
        sa.Column("attachments", sa.Text(), server_default="[]", nullable=False),
        sa.Column("urgent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", Moment(length=27), nullable=False),
        sa.Column("not_before", Moment(length=27), nullable=False),
        sa.Column("expires_at", Moment(length=27), nullable=True),
        sa.Column("state", sa.String(length=12), server_default="", nullable=False),
        sa.Column("settled_at", Moment(length=27), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", Moment(length=27), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), server_default="", nullable=False),
        sa.Column("lease_until", Moment(length=27), nullable=True),
        sa.Column("handed_over", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(
        "ix_message_queued",
        "message",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_message_unit", "message", ["unit", "created_at"], unique=False)
    op.create_table(
        "obligation",
        sa.Column("key", sa.String(length=240), nullable=False),
        sa.Column("plan", sa.String(length=80), server_default="", nullable=False),
        sa.Column("task", sa.String(length=80), server_default="", nullable=False),
        sa.Column("unit", sa.String(length=80), server_default="", nullable=False),
        sa.Column("role", sa.String(length=12), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=12), server_default="", nullable=False),
        sa.Column("period", sa.String(length=40), server_default="", nullable=False),
        sa.Column("label", sa.String(length=240), server_default="", nullable=False),
        sa.Column("title", sa.String(length=240), server_default="", nullable=False),
        sa.Column("phrase", sa.String(length=240), server_default="", nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_at", Moment(length=27), nullable=True),
        sa.Column("original_due_on", sa.Date(), nullable=True),
        sa.Column("provisional", sa.Integer(), server_default="0", nullable=False),
        sa.Column("weight", Exact(length=40), nullable=False),
        sa.Column("deadline_class", sa.String(length=12), server_default="", nullable=False),
        sa.Column("urgent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=12), server_default="", nullable=False),
        sa.Column("is_open", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("requested_at", Moment(length=27), nullable=True),
        sa.Column("acked_at", Moment(length=27), nullable=True),
        sa.Column("missed_at", Moment(length=27), nullable=True),
        sa.Column("submitted_at", Moment(length=27), nullable=True),
        sa.Column("closed_at", Moment(length=27), nullable=True),
        sa.Column("submission", sa.String(length=240), nullable=True),
        sa.Column("versions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("returned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("extended", sa.Integer(), server_default="0", nullable=False),
        sa.Column("remaining_days", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=240), server_default="", nullable=False),
        sa.CheckConstraint("is_open IN (0, 1)", name=op.f("ck_obligation_is_open")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_obligation")),
    )
    op.create_index("ix_obligation_due", "obligation", ["due_on"], unique=False)
    op.create_index(
        "ix_obligation_open_due",
        "obligation",
        ["due_on", "key"],
        unique=False,
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open = 1"),
    )
    op.create_index(
        "ix_obligation_opens",
        "obligation",
        ["opens_on"],
        unique=False,
        sqlite_where=sa.text("is_open = 1 AND requested_at IS NULL"),
        postgresql_where=sa.text("is_open = 1 AND requested_at IS NULL"),
    )
    op.create_index("ix_obligation_task", "obligation", ["plan", "task"], unique=False)
    op.create_index("ix_obligation_unit", "obligation", ["unit", "due_on"], unique=False)
    op.create_table(
        "plan",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("title", sa.String(length=240), server_default="", nullable=False),
        sa.Column("in_use_from", sa.Date(), nullable=False),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("applied_at", Moment(length=27), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("period", sa.String(length=40), server_default="", nullable=False),
        sa.Column("as_of", Moment(length=27), nullable=False),
        sa.Column("sheet", sa.String(length=240), server_default="", nullable=False),
        sa.Column("rule_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("input_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("result_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("code_version", sa.String(length=40), server_default="", nullable=False),
        sa.Column("state", sa.String(length=12), server_default="", nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_table(
        "task",
        sa.Column("plan", sa.String(length=80), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=240), server_default="", nullable=False),
        sa.Column("area", sa.String(length=80), server_default="", nullable=False),
        sa.Column("weight", Exact(length=40), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=20), server_default="", nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plan", "id", name=op.f("pk_task")),
    )
    op.create_table(
        "tick",
        sa.Column("stage", sa.String(length=240), nullable=False),
        sa.Column("logical_at", Moment(length=27), nullable=False),
        sa.Column("finished_at", Moment(length=27), nullable=False),
        sa.Column("counts", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("stage", name=op.f("pk_tick")),
    )
    op.create_table(
        "trait",
        sa.Column("name", sa.String(length=240), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_trait")),
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("name", sa.String(length=240), server_default="", nullable=False),
        sa.Column("short", sa.String(length=240), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=20), server_default="", nullable=False),
        sa.Column("grp", sa.String(length=60), server_default="", nullable=False),
        sa.Column("active", sa.Integer(), server_default="1", nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
    )
    op.create_table(
        "attempt",
        sa.Column("message", sa.String(length=240), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=80), server_default="", nullable=False),
        sa.Column("started_at", Moment(length=27), nullable=False),
        sa.Column("finished_at", Moment(length=27), nullable=True),
        sa.Column("outcome", sa.String(length=12), server_default="", nullable=False),
        sa.Column("code", sa.String(length=40), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_attempt_message")),
        sa.PrimaryKeyConstraint("message", "n", name=op.f("pk_attempt")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("obligation", sa.String(length=240), nullable=False),
        sa.Column("rung", sa.String(length=40), server_default="", nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(length=20), server_default="", nullable=False),
        sa.Column("unit", sa.String(length=80), server_default="", nullable=False),
        sa.Column("task", sa.String(length=80), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=20), server_default="", nullable=False),
        sa.Column("urgent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("moment", Moment(length=27), nullable=False),
        sa.Column("decided_at", Moment(length=27), nullable=False),
        sa.Column("outcome", sa.String(length=20), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=240), server_default="", nullable=False),
        sa.Column("message", sa.String(length=240), nullable=True),
        sa.ForeignKeyConstraint(
            ["obligation"], ["obligation.key"], name=op.f("fk_notice_obligation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "obligation",
            "rung",
            "round",
            "recipient",
            name=op.f("uq_notice_obligation_rung_round_recipient"),
        ),
    )
    op.create_index("ix_notice_message", "notice", ["message"], unique=False)
    op.create_index(
        "ix_notice_pending",
        "notice",
        ["unit", "recipient"],
        unique=False,
        sqlite_where=sa.text("outcome = 'pending'"),
        postgresql_where=sa.text("outcome = 'pending'"),
    )
    op.create_index("ix_notice_unit", "notice", ["unit", "decided_at"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("obligation", sa.String(length=240), nullable=False),
        sa.Column("unit", sa.String(length=80), server_default="", nullable=False),
        sa.Column("task", sa.String(length=80), server_default="", nullable=False),
        sa.Column("step", sa.String(length=40), server_default="", nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), server_default="", nullable=False),
        sa.Column("paper", sa.String(length=20), server_default="", nullable=False),
        sa.Column("policy", sa.String(length=64), server_default="", nullable=False),
        sa.Column("raised_at", Moment(length=27), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="", nullable=False),
        sa.Column("decided_at", Moment(length=27), nullable=True),
        sa.Column("decided_by", sa.String(length=120), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["obligation"], ["obligation.key"], name=op.f("fk_proposal_obligation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
        sa.UniqueConstraint(
            "obligation", "step", "round", name=op.f("uq_proposal_obligation_step_round")
        ),
    )
    op.create_index(op.f("ix_proposal_obligation"), "proposal", ["obligation"], unique=False)
    op.create_index("ix_proposal_state", "proposal", ["state", "raised_at"], unique=False)
    op.create_table(
        "submission",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("obligation", sa.String(length=240), nullable=False),
        sa.Column("unit", sa.String(length=80), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("received_at", Moment(length=27), nullable=False),
        sa.Column("stated_on", sa.Date(), nullable=True),
        sa.Column("late", sa.Integer(), server_default="0", nullable=False),
        sa.Column("nil", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress", sa.Text(), server_default="", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("next_step", sa.Text(), server_default="", nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("figures", sa.Text(), server_default="{}", nullable=False),
        sa.Column("signed_by", sa.String(length=80), server_default="", nullable=False),
        sa.Column("door", sa.String(length=20), server_default="", nullable=False),
        sa.Column("actor", sa.String(length=120), server_default="", nullable=False),
        sa.Column("state", sa.String(length=12), server_default="", nullable=False),
        sa.Column("reviewed_at", Moment(length=27), nullable=True),
        sa.Column("reviewer", sa.String(length=120), server_default="", nullable=False),
        sa.Column("review_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("idem_key", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["obligation"], ["obligation.key"], name=op.f("fk_submission_obligation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("idem_key", name=op.f("uq_submission_idem_key")),
    )
    op.create_index(op.f("ix_submission_obligation"), "submission", ["obligation"], unique=False)
    op.create_index(
        "ix_submission_pending",
        "submission",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_submission_unit", "submission", ["unit", "received_at"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("submission", sa.String(length=240), nullable=False),
        sa.Column("sha256", sa.String(length=64), server_default="", nullable=False),
        sa.Column("name", sa.String(length=240), server_default="", nullable=False),
        sa.Column("media_type", sa.String(length=100), server_default="", nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("stored_at", Moment(length=27), nullable=False),
        sa.Column("actor", sa.String(length=120), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["submission"], ["submission.id"], name=op.f("fk_evidence_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_submission"), "evidence", ["submission"], unique=False)
    # ### end Alembic commands ###
    _forbid_change()


def _forbid_change() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION duban_event_fixed() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_SENTENCE}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER event_fixed BEFORE UPDATE OR DELETE ON event "
            "FOR EACH ROW EXECUTE FUNCTION duban_event_fixed()"
        )
        op.execute(
            "CREATE TRIGGER event_kept BEFORE TRUNCATE ON event "
            "FOR EACH STATEMENT EXECUTE FUNCTION duban_event_fixed()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER event_no_{verb.lower()} BEFORE {verb} ON event "
            f"BEGIN SELECT RAISE(ABORT, '{_SENTENCE}'); END"
        )
