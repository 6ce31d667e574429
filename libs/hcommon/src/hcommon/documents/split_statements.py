"""The SQL of splitting documents."""

from sqlalchemy import text

DOCUMENT_OF = text("SELECT document_id FROM document_uri WHERE uri_hash = :uri_hash LIMIT 1")

JOINING = text("""
    SELECT oldest.id, oldest.claimant, oldest.uri, joining.types, joining.users,
        "user".username, "user".authority, oldest.annotation_id, oldest.created
    FROM (
        SELECT min(id) AS id, array_agg(DISTINCT type) AS types, count(DISTINCT user_id) AS users
        FROM document_uri
        WHERE document_id = :document_id AND claimant_hash <> uri_hash
        GROUP BY claimant_hash, uri_hash
    ) AS joining
    JOIN document_uri AS oldest ON oldest.id = joining.id
    LEFT JOIN "user" ON "user".id = oldest.user_id
    ORDER BY oldest.id
""")

WITHDRAW = text("""
    WITH wrong AS (
        SELECT claimant_hash, uri_hash FROM document_uri
        WHERE document_id = :document_id AND id = ANY (CAST(:claim_ids AS bigint[])) AND claimant_hash <> uri_hash
    ), gone AS (
        DELETE FROM document_uri AS edge
        WHERE edge.document_id = :document_id AND edge.claimant_hash <> edge.uri_hash AND (
            edge.user_id = CAST(:user_id AS bigint)
            OR (edge.claimant_hash, edge.uri_hash) IN (SELECT claimant_hash, uri_hash FROM wrong)
            OR (edge.uri_hash, edge.claimant_hash) IN (SELECT claimant_hash, uri_hash FROM wrong)
        )
        RETURNING edge.*, (
            (edge.claimant_hash, edge.uri_hash) IN (SELECT claimant_hash, uri_hash FROM wrong)
            OR (edge.uri_hash, edge.claimant_hash) IN (SELECT claimant_hash, uri_hash FROM wrong)
        ) AS for_everyone
    ), kept AS (
        INSERT INTO withdrawn_uri (
            claimant, claimant_hash, uri, uri_normalized, uri_hash, type, content_type, user_id, annotation_id,
            for_everyone, created, withdrawn
        )
        SELECT claimant, claimant_hash, uri, uri_normalized, uri_hash, type, content_type, user_id, annotation_id,
            for_everyone, created, :now
        FROM gone
    )
    SELECT count(*) FROM gone
""")
"""A page's claim of itself joins nothing and stays."""

LINKS = text("""
    SELECT claimant_hash, uri_hash FROM (
        SELECT claimant_hash, uri_hash, min(id) AS place FROM document_uri
        WHERE document_id = :document_id GROUP BY claimant_hash, uri_hash
        UNION ALL
        SELECT DISTINCT target_uri_hash, target_uri_hash, CAST(NULL AS bigint) FROM annotation
        WHERE document_id = :document_id
        UNION ALL
        SELECT DISTINCT claimant_hash, claimant_hash, CAST(NULL AS bigint) FROM document_meta
        WHERE document_id = :document_id
    ) AS link
    ORDER BY place NULLS LAST
""")
"""What joins which URIs, a URI with itself included; the oldest claims first."""

MAKE_DOCUMENT = text("""
    INSERT INTO document (title, created, updated)
    SELECT (
        SELECT meta.value[1] FROM document_meta AS meta
        WHERE meta.document_id = document.id AND meta.type = 'title'
            AND meta.claimant_hash = ANY (CAST(:hashes AS uuid[]))
        ORDER BY meta.id LIMIT 1
    ), document.created, document.updated
    FROM document WHERE document.id = :document_id
    RETURNING id
""")

MOVE_URIS = text("""
    UPDATE document_uri SET document_id = :made
    WHERE document_id = :document_id AND claimant_hash = ANY (CAST(:hashes AS uuid[]))
""")

MOVE_METAS = text("""
    UPDATE document_meta SET document_id = :made
    WHERE document_id = :document_id AND claimant_hash = ANY (CAST(:hashes AS uuid[]))
""")

MOVE_ANNOTATIONS = text("""
    UPDATE annotation SET document_id = :made
    WHERE document_id = :document_id AND target_uri_hash = ANY (CAST(:hashes AS uuid[]))
""")

DELETE_DOCUMENT = text("DELETE FROM document WHERE id = :document_id")

PARTS = text("""
    SELECT document.id AS document_id,
        coalesce(
            (
                SELECT edge.claimant FROM document_uri AS edge
                WHERE edge.document_id = document.id ORDER BY edge.id LIMIT 1
            ),
            (SELECT annotation.target_uri FROM annotation WHERE annotation.document_id = document.id LIMIT 1),
            ''
        ) AS uri,
        (SELECT count(*) FROM annotation WHERE annotation.document_id = document.id) AS annotations
    FROM document WHERE document.id = ANY (CAST(:documents AS bigint[]))
    ORDER BY document.id
""")
