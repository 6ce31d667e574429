"""Creates, reads, finds and deletes an annotation with a client generated from our OpenAPI document.

usage: walk_generated.py SITE TOKEN; the generated package `h_client` is importable.
"""

import json
import sys

from h_client import AuthenticatedClient
from h_client.api.annotations import annotation_create, annotation_delete, annotation_read
from h_client.api.search import search
from h_client.models import NewAnnotation, NewPermissions


def main(site: str, token: str) -> None:
    """Do it all, and print it as JSON."""
    page = "https://generated.example.com/"
    with AuthenticatedClient(base_url=site, token=token) as client:
        permissions = NewPermissions(read=["group:__world__"])
        created = annotation_create.sync(
            client=client, body=NewAnnotation(uri=page, text="made", tags=["x"], permissions=permissions)
        )
        fetched = annotation_read.sync(created.id, client=client)
        found = search.sync(client=client, uri=[page])
        deleted = annotation_delete.sync(created.id, client=client)
        gone = annotation_read.sync_detailed(created.id, client=client)
    seen = {
        "created": created.id,
        "fetched": [fetched.text, fetched.tags, fetched.target[0].source],
        "found": [found.total, [row.id for row in found.rows]],
        "deleted": deleted.deleted,
        "gone": [int(gone.status_code), gone.parsed.status],
    }
    print(json.dumps(seen))  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
