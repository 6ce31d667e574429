"""Documents have a revision, which triggers keep.

The functions are written with the words of the tables, not of the models: they stay what they are when those change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Keys in order: two writers of the same documents wait for each other, never in a circle.
_TOUCH = """
CREATE FUNCTION h_touch_documents(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO document_revision (document_id, revision)
    SELECT DISTINCT touched, 1 FROM unnest(ids) AS touched WHERE touched IS NOT NULL ORDER BY touched
    ON CONFLICT (document_id) DO UPDATE SET revision = document_revision.revision + 1
$$
"""

# Pages are read by URI, so the documents that know an annotation's URI count beside its own; and a reply is shown with
# the annotations it replies to, wherever those are.
_DOCUMENTS_OF = """
CREATE FUNCTION h_documents_of(uri_hashes uuid[], ids bigint[], roots uuid[]) RETURNS bigint[] LANGUAGE sql STABLE AS $$
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
$$
"""

_OF_ANNOTATIONS = """
CREATE FUNCTION h_annotations_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hashes uuid[];
    ids bigint[];
    roots uuid[];
BEGIN
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        SELECT array_agg(DISTINCT target_uri_hash), array_agg(DISTINCT document_id) INTO hashes, ids FROM new_rows;
        SELECT array_agg(DISTINCT root) INTO roots FROM new_rows, unnest("references") AS root;
        PERFORM h_touch_documents(h_documents_of(hashes, ids, roots));
    END IF;
    IF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT target_uri_hash), array_agg(DISTINCT document_id) INTO hashes, ids FROM old_rows;
        SELECT array_agg(DISTINCT root) INTO roots FROM old_rows, unnest("references") AS root;
        PERFORM h_touch_documents(h_documents_of(hashes, ids, roots));
    END IF;
    IF TG_OP = 'UPDATE' THEN
        -- What was left: most updates stay on their page.
        SELECT array_agg(DISTINCT was.target_uri_hash), array_agg(DISTINCT was.document_id) INTO hashes, ids
        FROM old_rows AS was JOIN new_rows AS became USING (id)
        WHERE (was.target_uri_hash, was.document_id) IS DISTINCT FROM (became.target_uri_hash, became.document_id);
        IF hashes IS NOT NULL THEN
            PERFORM h_touch_documents(h_documents_of(hashes, ids, NULL));
        END IF;
    END IF;
    RETURN NULL;
END
$$
"""

_OF_CLAIMS = """
CREATE FUNCTION h_claims_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM h_touch_documents(ARRAY(SELECT DISTINCT document_id FROM new_rows));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM h_touch_documents(ARRAY(SELECT DISTINCT document_id FROM old_rows));
    ELSIF EXISTS (
        SELECT FROM old_rows AS was JOIN new_rows AS became USING (id)
        WHERE (was.document_id, was.uri_hash, was.uri, was.type) IS DISTINCT FROM
            (became.document_id, became.uri_hash, became.uri, became.type)
    ) THEN
        PERFORM h_touch_documents(
            ARRAY(SELECT document_id FROM old_rows UNION SELECT document_id FROM new_rows)
        );
    END IF;
    RETURN NULL;
END
$$
"""

_OF_TITLES = """
CREATE FUNCTION h_document_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM h_touch_documents(ARRAY[NEW.id]);
    ELSE
        DELETE FROM document_revision WHERE document_id = OLD.id;
    END IF;
    RETURN NULL;
END
$$
"""

_OF_FLAGS = """
CREATE FUNCTION h_flag_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    flagged uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.annotation_id ELSE NEW.annotation_id END;
BEGIN
    -- The flagged annotation and all that it replies to: pages show it with those.
    PERFORM h_touch_documents(h_documents_of(NULL, NULL, ARRAY(
        SELECT flagged UNION ALL SELECT unnest("references") FROM annotation WHERE id = flagged
    )));
    RETURN NULL;
END
$$
"""

_OF_EVERYTHING = """
CREATE FUNCTION h_everything_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM h_touch_documents(ARRAY[0]);
    RETURN NULL;
END
$$
"""

_FUNCTIONS = (_TOUCH, _DOCUMENTS_OF, _OF_ANNOTATIONS, _OF_CLAIMS, _OF_TITLES, _OF_FLAGS, _OF_EVERYTHING)

_TRANSITIONS = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
}
_USER_SHOWN = ("username", "authority", "display_name", "description", "activated_at", "nipsa", "deleted")
_GROUP_SHOWN = ("pubid", "authority", "authority_provided_id", "readable_by")


def upgrade() -> None:
    op.create_table(
        "document_revision",
        sa.Column("document_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document_revision")),
        postgresql_with={"fillfactor": 50},
    )
    for function in _FUNCTIONS:
        op.execute(function)
    for table, function in (("annotation", "h_annotations_changed"), ("document_uri", "h_claims_changed")):
        for change, transitions in _TRANSITIONS.items():
            op.execute(
                f"CREATE TRIGGER h_revision_{change.lower()} AFTER {change} ON {table} {transitions} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )
    op.execute(
        "CREATE TRIGGER h_revision_update AFTER UPDATE ON document FOR EACH ROW "
        "WHEN (OLD.title IS DISTINCT FROM NEW.title) EXECUTE FUNCTION h_document_changed()"
    )
    op.execute(
        "CREATE TRIGGER h_revision_delete AFTER DELETE ON document FOR EACH ROW EXECUTE FUNCTION h_document_changed()"
    )
    op.execute(
        "CREATE TRIGGER h_revision AFTER INSERT OR DELETE ON flag FOR EACH ROW EXECUTE FUNCTION h_flag_changed()"
    )
    for table, shown in (("user", _USER_SHOWN), ("group", _GROUP_SHOWN)):
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in shown)
        op.execute(
            f'CREATE TRIGGER h_revision_update AFTER UPDATE ON "{table}" FOR EACH ROW WHEN ({changed}) '
            "EXECUTE FUNCTION h_everything_changed()"
        )
        op.execute(
            f'CREATE TRIGGER h_revision_delete AFTER DELETE ON "{table}" '
            "FOR EACH STATEMENT EXECUTE FUNCTION h_everything_changed()"
        )


def downgrade() -> None:
    for table in ("annotation", "document_uri"):
        for change in _TRANSITIONS:
            op.execute(f"DROP TRIGGER h_revision_{change.lower()} ON {table}")
    op.execute("DROP TRIGGER h_revision ON flag")
    for table in ("document", "user", "group"):
        for change in ("update", "delete"):
            op.execute(f'DROP TRIGGER h_revision_{change} ON "{table}"')
    for name in (
        "h_everything_changed()",
        "h_flag_changed()",
        "h_document_changed()",
        "h_claims_changed()",
        "h_annotations_changed()",
        "h_documents_of(uuid[], bigint[], uuid[])",
        "h_touch_documents(bigint[])",
    ):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("document_revision")
