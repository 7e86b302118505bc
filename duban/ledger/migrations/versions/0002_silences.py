"""Silences (who must not be reminded, why, until when), and an index for sending rates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from duban.ledger.tables import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("unit", sa.String(length=80), server_default="", nullable=False),
        sa.Column("task", sa.String(length=80), server_default="", nullable=False),
        sa.Column("post", sa.String(length=20), server_default="", nullable=False),
        sa.Column("from_at", Moment(length=27), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("author", sa.String(length=120), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=240), server_default="", nullable=False),
        sa.Column("ended_at", Moment(length=27), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index("ix_silence_unit", "silence", ["unit", "until_on"])
    op.create_index("ix_attempt_finished", "attempt", ["finished_at"])
