"""What a second person decides on, the method of a draw, and rounds that are final."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATUS = "status IN ('draft', 'open', 'reviewing', 'closed', 'published'{})"


def upgrade() -> None:
    with op.batch_alter_table("approval") as table:
        table.add_column(sa.Column("content", sa.JSON(), nullable=False, server_default="{}"))
        table.create_check_constraint(
            op.f("ck_approval_subject"), "subject IN ('list', 'settlement')"
        )
    with op.batch_alter_table("draw") as table:
        table.add_column(sa.Column("method", sa.String(), nullable=False, server_default="lottery"))
        table.create_check_constraint(
            op.f("ck_draw_method"), "method IN ('lottery', 'balanced', 'order')"
        )
    with op.batch_alter_table("round") as table:
        table.drop_constraint(op.f("ck_round_status"), type_="check")
        table.create_check_constraint(op.f("ck_round_status"), STATUS.format(", 'final'"))


def downgrade() -> None:
    with op.batch_alter_table("round") as table:
        table.drop_constraint(op.f("ck_round_status"), type_="check")
        table.create_check_constraint(op.f("ck_round_status"), STATUS.format(""))
    with op.batch_alter_table("draw") as table:
        table.drop_constraint(op.f("ck_draw_method"), type_="check")
        table.drop_column("method")
    with op.batch_alter_table("approval") as table:
        table.drop_constraint(op.f("ck_approval_subject"), type_="check")
        table.drop_column("content")
