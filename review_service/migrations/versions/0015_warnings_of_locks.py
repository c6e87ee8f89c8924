"""What a lock warned of, kept with the draw: finding it out again rehearses the draw."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("draw", sa.Column("warnings", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("draw") as table:
        table.drop_column("warnings")
