"""`h document`."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon import documents, ids
from hcommon.db.engine import Database
from hcommon.models import User
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user, make_world_group

H = Callable[..., Any]
A, B = "https://a.example/", "https://b.example/"


@pytest.fixture(autouse=True)
def claim(database: Database) -> str:
    """Two pages, which mallory claims to be one; return the claim's number."""
    with database.transaction() as session:
        make_world_group(session)
        alice, mallory = make_user(session, username="alice"), make_user(session, username="mallory")

        def annotate(user: User, page: str, *links: str) -> None:
            document = {"link": [{"href": uri, "rel": "alternate"} for uri in links]}
            annotation_id = ids.new_annotation_id(now=START)
            claims = documents.claims_of(document, claimant=page)
            document_id = documents.store(
                session, claims=claims, user_id=user.id, annotation_id=annotation_id, now=START
            )
            make_annotation(session, user=user, document_id=document_id, target_uri=page, id=annotation_id)

        annotate(alice, A)
        annotate(alice, B)
        annotate(mallory, A, B)
        document_id = documents.document_of(session, uri=A)
        assert document_id is not None
        [found] = documents.joining_claims(session, document_id=document_id)
        return str(found["id"])


class TestShow:
    def test_lists_what_joins_and_by_whom(self, h: H, claim: str) -> None:
        done = h("document", "show", B)
        assert done.exit_code == 0, done.output
        _, row = done.output.splitlines()
        assert row.split()[:5] == [claim, A, B, "rel-alternate", "acct:mallory@example.org"]

    def test_of_one_page_there_is_nothing(self, h: H, claim: str) -> None:
        h("document", "split", A, "--claim", claim)
        assert h("document", "show", A).output == "Nothing joins it with another URI.\n"

    def test_an_unknown_page_is_an_error(self, h: H) -> None:
        done = h("document", "show", "https://c.example/")
        assert (done.exit_code, done.output) == (1, "Error: No document is known under https://c.example/.\n")

    def test_what_is_no_uri_too(self, h: H) -> None:
        assert h("document", "show", "http://[").exit_code == 1


class TestSplit:
    @pytest.mark.parametrize("by_user", [True, False])
    def test_by_claim_or_by_user(self, h: H, claim: str, by_user: bool) -> None:
        done = h("document", "split", A, *(("--user", "mallory") if by_user else ("--claim", claim)))
        assert done.exit_code == 0, done.output
        assert done.output.splitlines() == [
            "Withdrew 1 claims.",
            "These are 2 documents now:",
            f"{A} with 2 annotations",
            f"{B} with 1 annotations",
        ]

    def test_it_says_when_the_document_holds_together(self, h: H) -> None:
        done = h("document", "split", A, "--user", "alice")
        assert done.output == "Withdrew 0 claims.\nIt is one document still.\n"

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ((), "Say what is wrong: --claim or --user. `h document show` lists the claims."),
            (("--claim", "999999999"), "The document has no claim 999999999."),
            (("--user", "nobody"), "There is no account named nobody."),
        ],
    )
    def test_nothing_is_done_about_nothing(self, h: H, options: tuple[str, ...], reason: str) -> None:
        done = h("document", "split", A, *options)
        assert (done.exit_code, done.output) == (1, f"Error: {reason}\n")
