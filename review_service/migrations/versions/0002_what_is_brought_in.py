"""What is brought in: batches and their changes, remembered columns, requests for recusal."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "column_mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_mapping")),
        sa.UniqueConstraint("kind", "headers", name=op.f("uq_column_mapping_kind_headers")),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('pool', 'dossiers', 'conflicts')", name=op.f("ck_import_batch_kind")
        ),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_import_batch_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_batch_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_import_batch_round_id"), ["round_id"], unique=False)

    op.create_table(
        "batch_change",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('new', 'updated', 'retired', 'removed')", name=op.f("ck_batch_change_kind")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_batch_change_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", "subject", name=op.f("pk_batch_change")),
    )
    op.create_table(
        "recusal_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("expert_id", sa.Integer(), nullable=False),
        sa.Column("dossier_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status = 'asked' OR decision <> ''", name=op.f("ck_recusal_request_reasoned")
        ),
        sa.CheckConstraint(
            "status IN ('asked', 'accepted', 'refused')", name=op.f("ck_recusal_request_status")
        ),
        sa.ForeignKeyConstraint(
            ["dossier_id"], ["dossier.id"], name=op.f("fk_recusal_request_dossier_id")
        ),
        sa.ForeignKeyConstraint(
            ["expert_id"], ["expert.id"], name=op.f("fk_recusal_request_expert_id")
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["round.id"], name=op.f("fk_recusal_request_round_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recusal_request")),
        sa.UniqueConstraint(
            "expert_id", "dossier_id", name=op.f("uq_recusal_request_expert_id_dossier_id")
        ),
    )
    with op.batch_alter_table("recusal_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_recusal_request_dossier_id"), ["dossier_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recusal_request_expert_id"), ["expert_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_recusal_request_round_id"), ["round_id"], unique=False)

    op.add_column("conflict", sa.Column("reason", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "conflict", sa.Column("decided_by", sa.String(), nullable=False, server_default="")
    )
    op.add_column("conflict", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "expert", sa.Column("affiliations", sa.String(), nullable=False, server_default="")
    )


def downgrade() -> None:
    op.drop_column("expert", "affiliations")
    op.drop_column("conflict", "decided_at")
    op.drop_column("conflict", "decided_by")
    op.drop_column("conflict", "reason")

    with op.batch_alter_table("recusal_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recusal_request_round_id"))
        batch_op.drop_index(batch_op.f("ix_recusal_request_expert_id"))
        batch_op.drop_index(batch_op.f("ix_recusal_request_dossier_id"))

    op.drop_table("recusal_request")
    op.drop_table("batch_change")
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_batch_round_id"))
        batch_op.drop_index(batch_op.f("ix_import_batch_kind"))

    op.drop_table("import_batch")
    op.drop_table("column_mapping")
