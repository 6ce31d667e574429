"""A task of the schedule keeps where its next run goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("periodic_run", sa.Column("position", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("periodic_run", "position")
