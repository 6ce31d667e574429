"""What a posted document claims."""

import pytest
from hcommon import uri
from hcommon.documents import claims as limits
from hcommon.documents import claims_of
from hypothesis import given
from hypothesis import strategies as st

PAGE = "https://example.com/article"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def claimed(document: dict[str, object], claimant: str = PAGE) -> list[tuple[str, str, str]]:
    """Return URI, type and content type of what is claimed beside the page itself."""
    own, *others = claims_of(document, claimant=claimant).uris
    assert (own.uri, own.type, own.content_type) == (claimant.strip(), "self-claim", "")
    return [(claim.uri, claim.type, claim.content_type) for claim in others]


class TestLinks:
    def test_an_empty_document_claims_the_page_itself(self) -> None:
        claims = claims_of({}, claimant=PAGE)
        assert [claim.hash for claim in claims.uris] == [claims.claimant_hash]
        assert claims.claimant_hash == uri.uri_hash("httpx://example.com/article")
        assert (dict(claims.metas), claims.title) == ({}, None)

    def test_a_link_claims_its_address_with_relation_and_type(self) -> None:
        links = [{"rel": "canonical", "href": " https://example.com/a "}, {"href": "urn:x-pdf:abc", "type": "x/y"}]
        assert claimed({"link": links}) == [
            ("https://example.com/a", "rel-canonical", ""),
            ("urn:x-pdf:abc", "", "x/y"),
        ]

    @pytest.mark.parametrize(
        "link",
        [
            {"href": PAGE},
            {"href": "doi:10.1000/x"},
            {"href": "https://example.com/x.pdf", "type": "application/pdf"},
            {"href": ""},
            {"href": "  "},
            {"href": 3},
            {},
            {"href": "http://example.com:port/"},
            {"href": "urn:\x00"},
            {"href": "http://example.com/" + "x" * limits.MAX_URI_LENGTH},
            "https://example.com",
            None,
        ],
    )
    def test_links_that_say_nothing_new_or_cannot_be_followed_are_left_out(self, link: object) -> None:
        assert claimed({"link": [link]}) == []

    def test_the_page_itself_as_canonical_is_a_claim(self) -> None:
        assert claimed({"link": [{"href": PAGE, "rel": "canonical"}]}) == [(PAGE, "rel-canonical", "")]

    def test_a_pdf_link_with_a_relation_is_a_claim(self) -> None:
        link = {"href": "https://example.com/x.pdf", "type": "application/pdf", "rel": "alternate"}
        assert claimed({"link": [link]}) == [("https://example.com/x.pdf", "rel-alternate", "application/pdf")]

    def test_a_relation_or_type_of_another_kind_counts_as_none(self) -> None:
        assert claimed({"link": [{"href": "urn:a", "rel": 5, "type": ["x"]}]}) == [("urn:a", "", "")]

    def test_the_same_claim_is_made_once(self) -> None:
        links = [{"href": "http://a.example/", "rel": "x"}, {"href": "https://A.example", "rel": "x"}]
        assert claimed({"link": links}) == [("http://a.example/", "rel-x", "")]

    def test_types_are_cut_to_what_an_index_takes(self) -> None:
        [(_, claim_type, content_type)] = claimed({"link": [{"href": "urn:a", "rel": "r" * 5000, "type": "t" * 5000}]})
        assert len(claim_type) == len(content_type) == limits.MAX_TYPE_LENGTH

    def test_an_annotation_claims_a_limited_number_of_uris(self) -> None:
        links = [{"href": f"https://example.com/{number}", "rel": "alternate"} for number in range(1000)]
        assert len(claims_of({"link": links}, claimant=PAGE).uris) == limits.MAX_URI_CLAIMS

    def test_a_broken_address_of_the_page_itself_is_an_error(self) -> None:
        for broken in ("http://example.com:port/", "urn:\x00", ""):
            with pytest.raises(uri.InvalidURIError):
                claims_of({}, claimant=broken)


class TestScholarlyIdentifiers:
    def test_a_pdf_address_of_highwire_is_a_claim(self) -> None:
        assert claimed({"highwire": {"pdf_url": ["https://e.com/a.pdf", 3]}}) == [
            ("https://e.com/a.pdf", "highwire-pdf", "application/pdf")
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "10.1000/abc",
            " doi:10.1000/abc ",
            "doi: 10.1000/abc",
            "https://doi.org/10.1000/abc",
            "http://dx.doi.org/10.1000/abc",
            "doi:https://doi.org/10.1000/abc",
        ],
    )
    def test_all_spellings_of_a_doi_are_one_claim(self, text: str) -> None:
        assert claimed({"highwire": {"doi": [text]}}) == [("doi:10.1000/abc", "highwire-doi", "")]
        assert claimed({"dc": {"identifier": [text]}}) == [("doi:10.1000/abc", "dc-doi", "")]

    def test_registrants_may_have_parts(self) -> None:
        assert claimed({"dc": {"identifier": ["10.1000.10/123"]}}) == [("doi:10.1000.10/123", "dc-doi", "")]

    @pytest.mark.parametrize(
        "text", ["DOI:10.1000/abc", "10.100/abc", "10.1000", "isbn:1", "https://example.com/10.1000/x"]
    )
    def test_other_identifiers_are_no_claims(self, text: str) -> None:
        assert claimed({"dc": {"identifier": [text]}}) == []

    def test_values_of_another_kind_are_left_out(self) -> None:
        assert claimed({"highwire": "x", "dc": {"identifier": "10.1000/abc"}, "link": {"href": "urn:a"}}) == []


class TestMetadata:
    def test_leaves_get_dotted_names(self) -> None:
        document = {"title": ["  T  ", ""], "dc": {"title": "D", "creator": ["A", "B"]}, "link": [{"href": "urn:a"}]}
        claims = claims_of(document, claimant=PAGE)
        assert dict(claims.metas) == {"dc.creator": ("A", "B"), "dc.title": ("D",), "title": ("T",)}
        assert claims.title == "T"

    def test_names_come_in_order(self) -> None:
        assert list(claims_of({"b": "1", "a": "2", "c": {"a": "3"}}, claimant=PAGE).metas) == ["a", "b", "c.a"]

    def test_the_version_of_the_document_is_not_metadata(self) -> None:
        assert dict(claims_of({"version": 3}, claimant=PAGE).metas) == {}

    def test_numbers_become_text_and_other_kinds_nothing(self) -> None:
        document = {"title": [5, 1.5, True, None, {}, []], "x": {"y": None}, "z": [None]}
        assert dict(claims_of(document, claimant=PAGE).metas) == {"title": ("5", "1.5")}

    def test_nul_is_taken_out(self) -> None:
        assert dict(claims_of({"title": "a\x00b", "n\x00": "x"}, claimant=PAGE).metas) == {"title": ("ab",)}

    def test_an_empty_title_is_none(self) -> None:
        assert claims_of({"title": ""}, claimant=PAGE).title is None

    def test_everything_is_limited(self) -> None:
        document = {str(number): ["x" * 10_000] * 1000 for number in range(1000)} | {"n" * 1000: "x"}
        metas = claims_of(document, claimant=PAGE).metas
        assert len(metas) == limits.MAX_METAS
        assert {len(texts) for texts in metas.values()} == {limits.MAX_META_VALUES}
        assert {len(text) for texts in metas.values() for text in texts} == {limits.MAX_META_LENGTH}

    def test_deep_nesting_ends(self) -> None:
        document: dict[str, object] = {"leaf": "x"}
        for _ in range(900):
            document = {"d": document}
        assert dict(claims_of(document, claimant=PAGE).metas) == {}


class TestAnything:
    @given(json_values, json_values, json_values)
    def test_no_document_is_an_error(self, link: object, highwire: object, anything: object) -> None:
        claims = claims_of({"link": link, "highwire": highwire, "dc": anything, "title": anything}, claimant=PAGE)
        assert claims.uris[0].type == "self-claim"

    @given(st.text(), st.text(), st.text())
    def test_whatever_is_claimed_can_be_stored(self, href: str, rel: str, doi: str) -> None:
        document = {"link": [{"href": href, "rel": rel}], "dc": {"identifier": [f"10.1000/{doi}"]}, href: rel}
        claims = claims_of(document, claimant=PAGE)
        texts = [text for claim in claims.uris for text in (claim.uri, claim.normalized, claim.type)]
        texts += [text for name, values in claims.metas.items() for text in (name, *values)]
        for text in texts:
            assert "\x00" not in text
            text.encode()
