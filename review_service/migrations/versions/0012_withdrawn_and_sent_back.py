"""Applications that their unit withdraws, and dossiers that the ministry sends back."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STAGES = "stage IN ('unit', 'prefecture', 'province', 'ministry', 'declined'{})"
KINDS = "kind IN ('submitted', 'returned', 'declined', 'reconsidered', 'recommended'{})"
STATES = "status IN ('received', 'admitted', 'withdrawn', 'calibration'{})"
CHANGED = (
    ("application", "stage", STAGES, ", 'withdrawn'"),
    ("application_step", "kind", KINDS, ", 'withdrawn'"),
    ("dossier", "status", STATES, ", 'returned'"),
)


def _allow(*, more: bool) -> None:
    for name, column, check, value in CHANGED:
        with op.batch_alter_table(name) as table:
            table.drop_constraint(op.f(f"ck_{name}_{column}"), type_="check")
            text = check.format(value if more else "")
            table.create_check_constraint(op.f(f"ck_{name}_{column}"), sa.text(text))


def upgrade() -> None:
    _allow(more=True)


def downgrade() -> None:
    op.execute("UPDATE application SET stage = 'declined' WHERE stage = 'withdrawn'")
    op.execute("UPDATE application_step SET kind = 'declined' WHERE kind = 'withdrawn'")
    op.execute("UPDATE dossier SET status = 'withdrawn' WHERE status = 'returned'")
    _allow(more=False)
