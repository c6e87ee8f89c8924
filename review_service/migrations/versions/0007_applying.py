"""Applications with their steps and evidence, recommendations, paper receipts, saved views."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = (
    "saved_view", "paper_receipt", "attachment", "recommendation", "application_step",
    "application",
)  # fmt: skip


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _whole(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _belongs(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def upgrade() -> None:
    _applications()
    op.create_table(
        "application_step",
        _whole("id"),
        _whole("application_id"),
        *_text("kind", "level", "reason", "made_by"),
        _time("made_at"),
        _one_of(
            "application_step",
            "kind",
            "submitted",
            "returned",
            "declined",
            "reconsidered",
            "recommended",
        ),
        _belongs("application_step", "application_id", "application"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_step")),
    )
    _index("application_step", "application_id")
    op.create_table(
        "recommendation",
        _whole("id"),
        _whole("round_id"),
        *_text("level", "province", "prefecture", "digest", "name"),
        _whole("size"),
        sa.Column("ranking", sa.JSON(), nullable=False),
        *_text("made_by"),
        _time("made_at"),
        _one_of("recommendation", "level", "prefecture", "province"),
        _belongs("recommendation", "round_id", "round"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommendation")),
    )
    _index("recommendation", "round_id")
    op.create_table(
        "attachment",
        _whole("id"),
        _whole("application_id"),
        _whole("section"),
        *_text("title", "pages", "name", "digest"),
        _whole("size"),
        *_text("media", "added_by"),
        _time("added_at"),
        _time("removed_at", nullable=True),
        sa.CheckConstraint("section BETWEEN 0 AND 8", name=op.f("ck_attachment_section")),
        _belongs("attachment", "application_id", "application"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    _index("attachment", "application_id")
    op.create_table(
        "paper_receipt",
        _whole("dossier_id"),
        _whole("copies"),
        *_text("received_on", "seal_name", "kept_at", "note", "received_by"),
        _time("received_at"),
        sa.CheckConstraint("copies >= 1", name=op.f("ck_paper_receipt_copies")),
        _belongs("paper_receipt", "dossier_id", "dossier"),
        sa.PrimaryKeyConstraint("dossier_id", name=op.f("pk_paper_receipt")),
    )
    op.create_table(
        "saved_view",
        _whole("id"),
        *_text("owner", "kind", "name", "query"),
        _time("made_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("owner", "kind", "name", name=op.f("uq_saved_view_owner_kind_name")),
    )
    _index("saved_view", "owner")


def _applications() -> None:
    op.create_table(
        "application",
        _whole("id"),
        _whole("round_id"),
        _whole("account_id"),
        *_text("applicant", "unit", "province", "prefecture", "stage"),
        _whole("version"),
        sa.Column("fields", sa.JSON(), nullable=False),
        _time("saved_at"),
        _time("submitted_at", nullable=True),
        *_text("sent_by", "reason", "seal_name", "seal_by"),
        _time("seal_at", nullable=True),
        _whole("prefecture_rank", nullable=True),
        _whole("province_rank", nullable=True),
        _whole("dossier_id", nullable=True),
        _one_of("application", "stage", "unit", "prefecture", "province", "ministry", "declined"),
        _one_of("application", "applicant", "local", "central", "provincial"),
        sa.CheckConstraint("version >= 0", name=op.f("ck_application_version")),
        _belongs("application", "round_id", "round"),
        _belongs("application", "account_id", "account"),
        _belongs("application", "dossier_id", "dossier"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint(
            "round_id", "account_id", name=op.f("uq_application_round_id_account_id")
        ),
        sa.UniqueConstraint("dossier_id", name=op.f("uq_application_dossier_id")),
    )
    _index("application", "round_id", "account_id", "province")


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
