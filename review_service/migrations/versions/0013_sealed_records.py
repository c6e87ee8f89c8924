"""Applications, letters, objections and the log's private part are sealed at rest.

Types change for two columns alone (JSON → TEXT); rows that are there are sealed by the start of
the service that follows (operation/columns.py), which has the keys.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMNS = (("application", "fields"), ("dossier", "application"))


def _retype(old: sa.types.TypeEngine[Any], new: sa.types.TypeEngine[Any]) -> None:
    for name, column in COLUMNS:
        # What is sealed is no JSON: the older version keeps it as a string of JSON, unread.
        using = f"{column} #>> '{{}}'" if isinstance(new, sa.Text) else f"to_json({column})"
        with op.batch_alter_table(name) as table:
            table.alter_column(
                column, existing_type=old, type_=new, existing_nullable=False,
                postgresql_using=using,
            )  # fmt: skip


def upgrade() -> None:
    _retype(sa.JSON(), sa.Text())


def downgrade() -> None:
    _retype(sa.Text(), sa.JSON())
