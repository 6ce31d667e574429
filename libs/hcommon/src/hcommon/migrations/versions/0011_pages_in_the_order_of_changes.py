"""pages in the order of changes."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEX = "ix_annotation_target_uri_hash_updated"


def upgrade() -> None:
    # Concurrently: writers would wait for minutes where there are millions of annotations.
    with op.get_context().autocommit_block():
        # It waits for every transaction that is open, a backup's too, and nobody waits for it.
        op.execute("SET lock_timeout = 0")
        # Of a build that was broken off, an index is left that nobody uses.
        op.drop_index(INDEX, table_name="annotation", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            INDEX,
            "annotation",
            ["target_uri_hash", "updated", "id"],
            postgresql_concurrently=True,
        )
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, table_name="annotation", postgresql_concurrently=True, if_exists=True)
