"""One link may invite to several seats: its digest stands in the row of each."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invitation") as table:
        table.drop_constraint(op.f("uq_invitation_token"), type_="unique")
        table.create_unique_constraint(op.f("uq_invitation_token_seat_id"), ["token", "seat_id"])


def downgrade() -> None:
    # A link opens one seat again, the first: the others have to be invited anew.
    op.execute(
        "DELETE FROM invitation WHERE id NOT IN (SELECT MIN(id) FROM invitation GROUP BY token)"
    )
    with op.batch_alter_table("invitation") as table:
        table.drop_constraint(op.f("uq_invitation_token_seat_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_invitation_token"), ["token"])
