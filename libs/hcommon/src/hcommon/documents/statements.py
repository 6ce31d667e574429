"""The SQL of documents: lists of claims go in as arrays, so that the number of statements never depends on them."""

from sqlalchemy import text

LOOK_UP = text("""
    SELECT
        claim.position,
        (SELECT edge.document_id FROM document_uri AS edge WHERE edge.uri_hash = claim.uri_hash LIMIT 1) AS document_id,
        EXISTS (
            SELECT FROM document_uri AS edge
            WHERE edge.claimant_hash = :claimant_hash AND edge.uri_hash = claim.uri_hash AND edge.type = claim.type
                AND edge.content_type = claim.content_type AND edge.user_id = :user_id AND edge.updated > :fresh_since
        ) OR (
            SELECT count(*) >= :enough_witnesses FROM (
                SELECT FROM document_uri AS edge
                WHERE edge.claimant_hash = :claimant_hash AND edge.uri_hash = claim.uri_hash
                    AND edge.type = claim.type AND edge.content_type = claim.content_type
                LIMIT :enough_witnesses
            ) AS witnesses
        ) AS known,
        EXISTS (
            SELECT FROM withdrawn_uri AS gone
            WHERE gone.claimant_hash = :claimant_hash AND gone.uri_hash = claim.uri_hash
                AND (gone.for_everyone OR gone.user_id = :user_id)
        ) OR EXISTS (
            SELECT FROM withdrawn_uri AS gone
            WHERE gone.claimant_hash = claim.uri_hash AND gone.uri_hash = :claimant_hash AND gone.for_everyone
        ) AS withdrawn
    FROM unnest(CAST(:uri_hashes AS uuid[]), CAST(:types AS text[]), CAST(:content_types AS text[]))
        WITH ORDINALITY AS claim (uri_hash, type, content_type, position)
""")
"""For each claim: the document that knows its URI, whether recording the claim again would change nothing, and whether
it was withdrawn and counts no more."""

LOCK_URIS = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")
"""Takes the locks in the order of the keys and holds them until the transaction ends."""

HOLD = text("""
    SELECT document.title, meta.type, meta.value
    FROM document
    LEFT JOIN document_meta AS meta
        ON meta.claimant_hash = :claimant_hash AND meta.type = ANY (CAST(:meta_types AS text[]))
    WHERE document.id = :document_id
    FOR KEY SHARE OF document
""")
"""The claimant's metadata; and the document can't be merged away before the transaction ends. No row: it was."""

RECORD = text("""
    WITH made AS (
        INSERT INTO document (title, created, updated)
        SELECT CAST(:title AS text), :now, :now WHERE CAST(:document_id AS bigint) IS NULL
        RETURNING id
    ), target AS (
        SELECT id FROM made
        UNION ALL
        SELECT CAST(:document_id AS bigint) WHERE CAST(:document_id AS bigint) IS NOT NULL
    ), edges AS (
        INSERT INTO document_uri AS edge (
            document_id, claimant, claimant_hash, uri, uri_normalized, uri_hash, type, content_type,
            user_id, annotation_id, created, updated
        )
        SELECT
            target.id, :claimant, :claimant_hash, claim.uri, claim.uri_normalized, claim.uri_hash, claim.type,
            claim.content_type, :user_id, :annotation_id, :now, :now
        FROM target, unnest(
            CAST(:uris AS text[]), CAST(:normalized AS text[]), CAST(:uri_hashes AS uuid[]),
            CAST(:types AS text[]), CAST(:content_types AS text[])
        ) AS claim (uri, uri_normalized, uri_hash, type, content_type)
        ON CONFLICT ON CONSTRAINT uq_document_uri_claim DO UPDATE SET updated = excluded.updated
    ), metas AS (
        INSERT INTO document_meta AS meta (document_id, claimant, claimant_hash, type, value, created, updated)
        SELECT
            target.id, :claimant, :claimant_hash, claim.type,
            ARRAY(SELECT json_array_elements_text(CAST(claim.value AS json))), :now, :now
        FROM target, unnest(CAST(:meta_types AS text[]), CAST(:meta_values AS text[])) AS claim (type, value)
        ON CONFLICT (claimant_hash, type) DO UPDATE
            SET value = excluded.value, document_id = excluded.document_id, updated = excluded.updated
            WHERE meta.value <> excluded.value
    ), titled AS (
        UPDATE document SET title = :title, updated = :now
        WHERE id = :document_id AND title IS NULL AND CAST(:title AS text) IS NOT NULL
    )
    SELECT id FROM target
""")
"""Records claims and metadata in one document, which is made when `document_id` is NULL; returns its id."""

LOCK_DOCUMENTS = text("""
    SELECT id FROM document WHERE id = ANY (CAST(:documents AS bigint[])) ORDER BY id FOR UPDATE
""")

MERGE_URIS = text("""
    UPDATE document_uri SET document_id = :kept WHERE document_id = ANY (CAST(:merged AS bigint[]))
""")

MERGE_METAS = text("""
    UPDATE document_meta SET document_id = :kept WHERE document_id = ANY (CAST(:merged AS bigint[]))
""")

MERGE_ANNOTATIONS = text("""
    UPDATE annotation SET document_id = :kept WHERE document_id = ANY (CAST(:merged AS bigint[]))
""")

MERGE_TITLES = text("""
    UPDATE document SET updated = :now, title = coalesce(title, (
        SELECT other.title FROM document AS other
        WHERE other.id = ANY (CAST(:merged AS bigint[])) AND other.title IS NOT NULL
        ORDER BY other.id LIMIT 1
    ))
    WHERE id = :kept
""")

DELETE_MERGED = text("DELETE FROM document WHERE id = ANY (CAST(:merged AS bigint[]))")

EQUIVALENT = text("""
    WITH asked AS MATERIALIZED (
        SELECT given.uri, given.uri_hash, (
            SELECT edge.document_id FROM document_uri AS edge WHERE edge.uri_hash = given.uri_hash LIMIT 1
        ) AS document_id
        FROM unnest(CAST(:uris AS text[]), CAST(:uri_hashes AS uuid[])) AS given (uri, uri_hash)
    )
    SELECT uri_hash FROM asked
    UNION
    SELECT edge.uri_hash FROM asked JOIN document_uri AS edge ON edge.document_id = asked.document_id
    WHERE NOT EXISTS (
        SELECT FROM document_uri AS canonical
        WHERE canonical.uri_hash = asked.uri_hash AND canonical.document_id = asked.document_id
            AND canonical.type = 'rel-canonical' AND canonical.uri = asked.uri
    )
""")
"""The hashes of the URIs asked for, and of all that their documents know."""
