"""Tokens of the API, keys to seal for, and indexes that give the log's pages in order."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FILTERS = ("actor", "type", "subject")


def upgrade() -> None:
    op.create_table(
        "recipient",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient")),
        sa.UniqueConstraint("key", name=op.f("uq_recipient_key")),
    )
    op.create_index(op.f("ix_recipient_holder"), "recipient", ["holder"])
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
    )
    for name in FILTERS:
        op.create_index(op.f(f"ix_log_event_{name}_seq"), "log_event", [name, "seq"])
        op.drop_index(op.f(f"ix_log_event_{name}"), table_name="log_event")


def downgrade() -> None:
    for name in FILTERS:
        op.create_index(op.f(f"ix_log_event_{name}"), "log_event", [name])
        op.drop_index(op.f(f"ix_log_event_{name}_seq"), table_name="log_event")
    op.drop_table("api_token")
    op.drop_table("recipient")
