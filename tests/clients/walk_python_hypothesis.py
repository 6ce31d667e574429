"""Creates, reads, changes, finds and deletes annotations with python-hypothesis; prints what it saw as JSON.

usage: walk_python_hypothesis.py SITE TOKEN NUMBER. The client's address is a constant of its module; it is replaced.
"""

import json
import sys

from h_annot import api

PAGE = "https://pages.example.com/"


def main(site: str, token: str, number: int) -> None:
    """Do it all."""
    api.server = site
    note = {"uri": PAGE, "text": "first", "group": "__world__", "permissions": {"read": ["group:__world__"]}}
    created = json.loads(api.create(token, json.dumps(note)))
    changed = json.loads(api.update(token, created["id"], json.dumps({**created, "text": "second"})))
    fetched = json.loads(api.read(token, created["id"]))
    found = json.loads(api.search(token, uri=PAGE))
    deleted = json.loads(api.delete(token, created["id"]))
    many = {**note, "uri": f"{PAGE}many"}
    made = [json.loads(api.create(token, json.dumps({**many, "text": str(index)})))["id"] for index in range(number)]
    walked: list[str] = []
    after: dict[str, str] = {}
    while rows := json.loads(api.search(token, uri=many["uri"], sort="created", order="asc", limit=50, **after))[
        "rows"
    ]:
        walked += [row["id"] for row in rows]
        after = {"search_after": rows[-1]["created"]}
    seen = {
        "userid": json.loads(api.profile(token))["userid"],
        "changed": changed["text"],
        "fetched": fetched["text"],
        "found": [row["id"] for row in found["rows"]],
        "created": created["id"],
        "deleted": deleted["deleted"],
        "made": made,
        "walked": walked,
    }
    print(json.dumps(seen))  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
