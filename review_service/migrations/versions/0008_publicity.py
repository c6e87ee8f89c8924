"""A calendar for the publicity period, objections with their files, and what is computed more."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KINDS = "kind IN ('fit', {}'list'{})"


def upgrade() -> None:
    with op.batch_alter_table("computation") as table:
        table.drop_constraint(op.f("ck_computation_kind"), type_="check")
        table.create_check_constraint(
            op.f("ck_computation_kind"), KINDS.format("'diagnosis', ", ", 'final'")
        )
    op.create_table(
        "calendar_day",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('holiday', 'workday')", name=op.f("ck_calendar_day_kind")),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_calendar_day_round_id")),
        sa.PrimaryKeyConstraint("round_id", "day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "objection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("dossier", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("removes", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('received', 'proposed', 'answered')", name=op.f("ck_objection_status")
        ),
        sa.CheckConstraint(
            "outcome IN ('', 'dismissed', 'upheld')", name=op.f("ck_objection_outcome")
        ),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_objection_second_person")),
        sa.CheckConstraint(
            "NOT removes OR (outcome = 'upheld' AND dossier <> '')",
            name=op.f("ck_objection_removes"),
        ),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_objection_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection")),
        sa.UniqueConstraint("receipt", name=op.f("uq_objection_receipt")),
    )
    op.create_index(op.f("ix_objection_round_id"), "objection", ["round_id"])
    op.create_index(op.f("ix_objection_source"), "objection", ["source"])
    op.create_table(
        "objection_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("objection_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["objection_id"], ["objection.id"], name=op.f("fk_objection_file_objection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection_file")),
    )
    op.create_index(op.f("ix_objection_file_objection_id"), "objection_file", ["objection_id"])


def downgrade() -> None:
    for name in ("objection_file", "objection", "calendar_day"):
        op.drop_table(name)
    op.execute("DELETE FROM computation WHERE kind IN ('diagnosis', 'final')")
    with op.batch_alter_table("computation") as table:
        table.drop_constraint(op.f("ck_computation_kind"), type_="check")
        table.create_check_constraint(op.f("ck_computation_kind"), KINDS.format("", ""))
