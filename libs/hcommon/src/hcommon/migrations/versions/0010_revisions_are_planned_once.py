"""What keeps the revisions of documents is planned once a connection.

PostgreSQL plans a function of language SQL at every call, which took it five times as long as the function's work, at
every write; it keeps the plans of PL/pgSQL.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# As in revision 0002 but for the language. The keys are in order: two writers of the same documents wait for each
# other, never in a circle.
_INSERTION = """
    INSERT INTO document_revision (document_id, revision)
    SELECT DISTINCT touched, 1 FROM unnest(ids) AS touched WHERE touched IS NOT NULL ORDER BY touched
    ON CONFLICT (document_id) DO UPDATE SET revision = document_revision.revision + 1
"""
_DOCUMENTS = """
    SELECT array_agg(DISTINCT document_id) FROM (
        SELECT unnest(ids) AS document_id
        UNION ALL
        SELECT edge.document_id FROM document_uri AS edge WHERE edge.uri_hash = ANY (uri_hashes)
        UNION ALL
        SELECT root.document_id FROM annotation AS root WHERE root.id = ANY (roots)
        UNION ALL
        SELECT edge.document_id FROM annotation AS root
        JOIN document_uri AS edge ON edge.uri_hash = root.target_uri_hash WHERE root.id = ANY (roots)
    ) AS touched
"""
_TOUCH = "CREATE OR REPLACE FUNCTION h_touch_documents(ids bigint[]) RETURNS void LANGUAGE"
_DOCUMENTS_OF = (
    "CREATE OR REPLACE FUNCTION h_documents_of(uri_hashes uuid[], ids bigint[], roots uuid[]) RETURNS bigint[] LANGUAGE"
)


def upgrade() -> None:
    op.execute(f"{_TOUCH} plpgsql AS $$ BEGIN {_INSERTION}; END $$")
    op.execute(f"{_DOCUMENTS_OF} plpgsql STABLE AS $$ BEGIN RETURN ({_DOCUMENTS}); END $$")


def downgrade() -> None:
    op.execute(f"{_TOUCH} sql AS $$ {_INSERTION} $$")
    op.execute(f"{_DOCUMENTS_OF} sql STABLE AS $$ {_DOCUMENTS} $$")
