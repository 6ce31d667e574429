"""Pages that are the same get one normal form, other pages another, and nothing but a clear error comes of nonsense."""

import re
import time
import uuid
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

import pytest
from hcommon.errors import ErrorKind
from hcommon.uri import InvalidURIError, is_http, normalize, uri_hash, with_default_scheme
from hypothesis import assume, example, given
from hypothesis import strategies as st

VECTORS = [
    ("http://Example.COM:80/", "httpx://example.com"),
    ("https://example.com/a/../b/./c", "httpx://example.com/a/../b/./c"),
    ("http://example.com//a//b", "httpx://example.com//a//b"),
    ("http://example.com/?b=2&a=1&utm_source=z", "httpx://example.com?a=1&b=2"),
    ("http://example.com/?flag&utm_source=x", "httpx://example.com?flag&utm_source=x"),
    ("http://example.com/?a=1&&b=2", "httpx://example.com?a=1&&b=2"),
    ("http://example.com/?a=%2B", "httpx://example.com?a=+"),
    ("http://example.com/?a=+", "httpx://example.com?a=+"),
    ("http://example.com/?a=%2525", "httpx://example.com?a=%25"),
    ("http://example.com/?a=1;b=2", "httpx://example.com?a=1%3Bb=2"),
    ("http://example.com/a%2fb", "httpx://example.com/a%2Fb"),
    ("http://example.com/a b", "httpx://example.com/a%20b"),
    ("HTTP://user:Pw@Example.com/x", "httpx://user:Pw@example.com/x"),
    ("http://bücher.example/", "httpx://bücher.example"),
    ("http://example.com./", "httpx://example.com."),
    ("https://via.hypothes.is/http://a.com/x#f", "httpx://a.com/x"),
    ("http://via.hypothes.is/http://a.com/x", "httpx://via.hypothes.is/http://a.com/x"),
    ("http://[::1]:80/x", "httpx://[::1]/x"),
    ("http://example.com/?a=/?:@", "httpx://example.com?a=%2F%3F:@"),
    (" http://example.com/x ", "httpx://example.com/x%20"),
    ("urn:x-pdf:abc?x=1#z", "urn:x-pdf:abc?x=1#z"),
    ("chrome-extension://abc/x#y", "chrome-extension://abc/x#y"),
    ("file:///home/x.pdf", "file:///home/x.pdf"),
    ("http:///path", "http:///path"),
    ("http%3A%2F%2Fexample.com", "http%3A%2F%2Fexample.com"),
]

MORE_VECTORS = [
    ("", ""),
    ("example.com/x", "example.com/x"),
    ("//example.com/x", "//example.com/x"),
    ("http:example.com", "http:example.com"),
    ("http://", "http://"),
    ("http://:80/x", "http://:80/x"),
    ("http://user@/x", "http://user@/x"),
    ("\u017fttp://example.com", "\u017fttp://example.com"),
    ("http\u017f://example.com", "http\u017f://example.com"),
    ("foo://[broken", "foo://[broken"),
    ("http://example.com:/", "httpx://example.com"),
    ("http://example.com:0080/", "httpx://example.com"),
    ("http://example.com:08080/", "httpx://example.com:8080"),
    ("http://example.com:0/", "httpx://example.com:0"),
    ("http://example.com:443/", "httpx://example.com:443"),
    ("https://example.com:443/", "httpx://example.com"),
    ("https://example.com:80/", "httpx://example.com:80"),
    ("http://example.com:65535/", "httpx://example.com:65535"),
    ("http://@example.com/", "httpx://example.com"),
    ("http://a@b@example.com/", "httpx://a@b@example.com"),
    ("http://[2001:DB8::1]:8080/", "httpx://[2001:db8::1]:8080"),
    ("http://[v1.A]/", "httpx://[v1.a]"),
    ("http://example.com", "httpx://example.com"),
    ("http://example.com?", "httpx://example.com"),
    ("http://example.com#top", "httpx://example.com"),
    ("http://example.com/a///", "httpx://example.com/a"),
    ("http://example.com/a/%2F", "httpx://example.com/a/%2F"),
    ("http://example.com/%7e%41%e2%82%ac", "httpx://example.com/~A%E2%82%AC"),
    ("http://example.com/€", "httpx://example.com/%E2%82%AC"),
    ("http://example.com/%3f%23%5b%5D%25", "httpx://example.com/%3F%23%5B%5D%25"),
    ("http://example.com/100%/%zz/%4", "httpx://example.com/100%25/%25zz/%254"),
    ("http://example.com/%2541", "httpx://example.com/%2541"),
    ("http://example.com/-._~:@!$&'()*+,;=", "httpx://example.com/-._~:@!$&'()*+,;="),
    ("http://exam\tple.com/a\r\nb", "httpx://example.com/ab"),
    ("\x01 http://example.com", "httpx://example.com"),
    ("http://example.com/?b=1&a=2&b=0", "httpx://example.com?a=2&b=1&b=0"),
    ("http://example.com/?=x&a=", "httpx://example.com?=x&a="),
    ("http://example.com/?é=ü&a b=c d", "httpx://example.com?a+b=c+d&%C3%A9=%C3%BC"),
    ("http://example.com/?a%3Db=1", "httpx://example.com?a%3Db=1"),
    ("http://example.com/?a=b=c", "httpx://example.com?a=b=c"),
    ("http://example.com/?a=%26&b=%23", "httpx://example.com?a=%26&b=%23"),
    ("http://example.com/?a=x%20y", "httpx://example.com?a=x+y"),
    ("http://example.com/?utm%5Fsource=x", "httpx://example.com"),
    ("http://example.com/?q=%C3%A9 &x", "httpx://example.com?q=%C3%A9 &x"),
    ("https://via.hypothes.is/https://a.com/", "httpx://a.com"),
    ("https://via.hypothes.is/https://via.hypothes.is/http://a.com/", "httpx://via.hypothes.is/http://a.com"),
    ("https://via.hypothes.is/http:opaque", "http:opaque"),
    ("https://via.hypothes.is/", "httpx://via.hypothes.is"),
]  # fmt: skip

BROKEN = [
    "http://example.com:port/",
    "http://example.com:-1/",
    "http://example.com:65536/",
    "http://example.com:99999999999999999999/",
    f"http://example.com:{'9' * 10_000}/",
    "http://example.com:8\uff10/",
    "http://a:b:80/",
    "http://[::1/",
    "http://::1]/",
    "http://[]/",
    "http://[nonsense]/",
    "http://[127.0.0.1]/",
    "http://[::1]x/",
    "http://x[::1]/",
    "http://[u]@example.com/",
    "http://exa℀mple.com/",
    "http://example.com/\x00",
    "\x00http://example.com/",
    "urn:\x00",
    "http://example.com/\ud800",
    "plain \udfff text",
]

HOSTS = st.sampled_from(["example.com", "Example.ORG", "bücher.example", "localhost", "127.0.0.1"])
PORTS = st.sampled_from(["", ":80", ":443", ":8080"])
PATHS = st.text(alphabet="ab/.%2Ff0é []&=+;~_*-:@'\\", max_size=20).map(lambda text: f"/{text}")
QUERIES = st.text(alphabet="ab=&%2B+é ;/:@~*_5utm", max_size=25)
SCHEMES = st.sampled_from(["http", "https", "HTTPS"])
FRAGMENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)
HTTP_URIS = st.builds("{}://{}{}{}?{}#{}".format, SCHEMES, HOSTS, PORTS, PATHS, QUERIES, FRAGMENTS)
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=[])),
    st.text(st.characters(exclude_categories=[])).map(lambda text: f"http://{text}"),
    st.text(alphabet="htps:/?#[]@%.&=+ 0189\x00\t\n\ud800é*_\\", max_size=60).map(lambda text: f"https://{text}"),
    HTTP_URIS,
)


def reference(uri: str) -> str:
    """Normalise with the standard library, step by step as the specification says."""
    parts = urlsplit(uri)
    hostname, port = parts.hostname or "", parts.port
    userinfo, at, _ = parts.netloc.rpartition("@")
    if port is not None and port != {"http": 80, "https": 443}[parts.scheme]:
        hostname += f":{port}"
    segments = [quote(unquote(segment), safe="-._~:@!$&'()*+,;=") for segment in parts.path.rstrip("/").split("/")]
    try:
        items = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        query = parts.query
    else:
        blacklist = re.compile(
            "^(gclid|utm_(campaign|content|medium|source|term)|WT[.].+|resourcekey|x-amz-security-token)$"
        )
        query = "&".join(
            quote_plus(unquote_plus(name), safe="-._~:@!$'()*,")
            + "="
            + quote_plus(unquote_plus(value), safe="-._~:@!$'()*,=")
            for name, value in sorted(items, key=lambda item: item[0])
            if not blacklist.match(name)
        )
    return f"httpx://{userinfo}{at}{hostname}{'/'.join(segments)}{'?' if query else ''}{query}"


class TestNormalize:
    @pytest.mark.parametrize(("uri", "expected"), VECTORS + MORE_VECTORS)
    def test_gives_the_normal_form(self, uri: str, expected: str) -> None:
        assert normalize(uri) == expected

    @pytest.mark.parametrize(
        "name",
        ["gclid", "utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term", "WT.mc_id", "WT.\n",
         "x-amz-security-token", "X-Amz-Security-Token", "resourcekey"],
    )  # fmt: skip
    def test_drops_tracking_parameters(self, name: str) -> None:
        quoted = quote(name)
        assert normalize(f"http://example.com/?{quoted}=1") == "httpx://example.com"
        assert normalize(f"http://example.com/x?z=1&{quoted}=a%20b&a=1&{quoted}=") == "httpx://example.com/x?a=1&z=1"

    @pytest.mark.parametrize(
        "name", ["fbclid", "utm_id", "UTM_SOURCE", "WT.", "GCLID", "gclidx", "xgclid", "resourceKey"]
    )
    def test_keeps_other_parameters(self, name: str) -> None:
        assert normalize(f"http://example.com/?{name}=1") == f"httpx://example.com?{name}=1"

    @pytest.mark.parametrize("uri", BROKEN)
    def test_refuses(self, uri: str) -> None:
        with pytest.raises(InvalidURIError) as caught:
            normalize(uri)
        assert caught.value.kind is ErrorKind.INVALID
        assert caught.value.reason.endswith(".")

    def test_pages_of_old_encodings_stay_apart(self) -> None:
        assert normalize("http://example.com/caf%e9?q=%e9&b=1") == "httpx://example.com/caf%E9?b=1&q=%E9"
        assert normalize("http://example.com/%E8") != normalize("http://example.com/%E9")

    def test_a_long_uri_takes_no_longer_than_its_length_asks(self) -> None:
        for piece in ("a", "/", "%41", "é", "?", "&", "a=1&", "%", "[", ":", "@", "\t", "#"):
            uri = "http://example.com/" + piece * 200_000
            started = time.process_time()
            normalize(uri)
            assert time.process_time() - started < 5, piece


class TestNormalizeProperties:
    @given(ANY_TEXT)
    @example("http://[")
    @example("https://via.hypothes.is/http://[")
    def test_nothing_but_an_invalid_uri_error_is_raised(self, uri: str) -> None:
        try:
            normal = normalize(uri)
        except InvalidURIError:
            return
        assert normalize(normal) == normal
        assert uri_hash(normal) == uri_hash(normal)

    @given(HTTP_URIS)
    def test_agrees_with_the_standard_library_where_bytes_are_utf8(self, uri: str) -> None:
        assume("\N{REPLACEMENT CHARACTER}" not in unquote(unquote(uri)))
        assume("%EF%BF%BD" not in (expected := reference(uri)))
        assert normalize(uri) == expected

    @given(HTTP_URIS)
    def test_has_neither_fragment_nor_characters_to_encode_in_the_path(self, uri: str) -> None:
        normal = normalize(uri)
        assert "#" not in normal
        assert re.fullmatch(r"httpx://[^/?]+(/[A-Za-z0-9/%\-._~:@!$&'()*+,;=]*)?(\?.*)?", normal, re.DOTALL)
        assert not normal.partition("?")[0].endswith("/")

    @given(HTTP_URIS, st.text(alphabet="ab#?/%", max_size=8))
    def test_a_fragment_does_not_count(self, uri: str, fragment: str) -> None:
        bare = uri.partition("#")[0]
        assert normalize(bare) == normalize(f"{bare}#{fragment}")

    @given(HOSTS, PATHS, QUERIES)
    def test_scheme_case_and_default_port_do_not_count(self, host: str, path: str, query: str) -> None:
        rest = f"{path}?{query}"
        assert (
            normalize(f"http://{host}{rest}")
            == normalize(f"https://{host}{rest}")
            == normalize(f"HTTP://{host.upper()}:80{rest}")
            == normalize(f"https://{host}:443{rest}")
        )

    @given(HOSTS, PATHS, QUERIES, st.integers(1, 4))
    def test_trailing_slashes_do_not_count(self, host: str, path: str, query: str, slashes: int) -> None:
        assert normalize(f"http://{host}{path}?{query}") == normalize(f"http://{host}{path}{'/' * slashes}?{query}")

    @given(st.permutations(["a=1", "b=2", "c=%20", "utm_source=x", "gclid="]))
    def test_the_order_of_parameters_does_not_count(self, parameters: list[str]) -> None:
        assert normalize(f"http://example.com/?{'&'.join(parameters)}") == "httpx://example.com?a=1&b=2&c=+"

    def test_the_form_put_back_under_https_is_not_stable(self) -> None:
        once = normalize("https://example.com/?a=%252525")
        assert once == "httpx://example.com?a=%2525"
        assert normalize(once.replace("httpx", "https")) == "httpx://example.com?a=%25"


class TestPercentDecodedByTheClient:
    """The client sends the page's URI percent-decoded, and its links as they are."""

    @pytest.mark.parametrize(
        "raw",
        [
            "http://example.com/a%20b", "http://example.com/caf%C3%A9", "http://example.com/%5Bx%5D%7B%7D%7C%22",
            "http://example.com/100%25", "http://example.com/a%26b%3Dc%2Bd%3B", "http://example.com/x#a%20b",
            "http://example.com/x#a%23b", "http://example.com/?q=a%20b", "http://example.com/?q=a%2Bb",
            "http://example.com/?q=a+b", "http://example.com/?q=%3D%3B%2F%3F%3A%40", "http://example.com/?q=100%25",
            "http://example.com/?q=%2525", "http://example.com/?q=%2541", "http://example.com/?%C3%A9=%C3%A9",
            "http://example.com/?u=https%3A%2F%2Fexample.org%2F%3Fa%3Db",
        ],
    )  # fmt: skip
    def test_is_the_same_page(self, raw: str) -> None:
        assert normalize(unquote(raw)) == normalize(raw)

    @pytest.mark.parametrize(
        "raw",
        [
            "http://example.com/a%2Fb", "http://example.com/a%3Fb", "http://example.com/a%23b",
            "http://example.com/%2541", "http://example.com/?q=a%26b", "http://example.com/?q=a%23b",
            "http://example.com/?a%3Db=1", "http://example.com/?a%20flag", "http://example.com/?flag&q=%C3%A9",
        ],
    )  # fmt: skip
    def test_is_another_page_where_decoding_makes_new_structure(self, raw: str) -> None:
        assert normalize(unquote(raw)) != normalize(raw)


class TestUriHash:
    def test_never_changes(self) -> None:
        assert uri_hash("httpx://example.com") == uuid.UUID("c148673e-dbb5-ba57-c628-dfddc7e4a737")
        assert uri_hash("httpx://bücher.example/") == uuid.UUID("8f55f3ab-4c90-b53c-3c38-88292bbf34ef")

    def test_tells_any_two_uris_apart(self) -> None:
        assert len({uri_hash(f"httpx://example.com/{n}") for n in range(5000)}) == 5000

    def test_takes_a_uri_of_any_length(self) -> None:
        assert len(uri_hash("x" * 100_000).bytes) == 16


class TestWithDefaultScheme:
    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("example.com", "http://example.com"),
            ("example.com/a", "http://example.com/a"),
            ("www.example.com/?q=1", "http://www.example.com/?q=1"),
            ("127.0.0.1:80/x", "http://127.0.0.1:80/x"),
            ("bücher.example:80", "http://bücher.example:80"),
            ("?a:b", "http://?a:b"),
            ("", ""),
            ("http://example.com", "http://example.com"),
            ("urn:x-pdf:abc", "urn:x-pdf:abc"),
            ("doi:10.1/x", "doi:10.1/x"),
            ("localhost:5000/x", "localhost:5000/x"),
            ("ht*p://example.com", "ht*p://example.com"),
            ("my_app+v-1.0:x", "my_app+v-1.0:x"),
        ],
    )
    def test_puts_http_before_what_has_no_scheme(self, typed: str, expected: str) -> None:
        assert with_default_scheme(typed) == expected


class TestIsHttp:
    @pytest.mark.parametrize("uri", ["http://a", "HTTPS://a/b", "http://[::1]:8/", " http://a"])
    def test_can_be_opened(self, uri: str) -> None:
        assert is_http(uri)

    @pytest.mark.parametrize(
        "uri",
        ["", "http://", "http:a", "httpx://a", "ftp://a", "javascript:alert(1)//http://a", "urn:x-pdf:a",
         "http://a:b", "http://[", "http://a/\x00"],
    )  # fmt: skip
    def test_can_not_be_opened(self, uri: str) -> None:
        assert not is_http(uri)

    @given(ANY_TEXT)
    def test_never_raises(self, uri: str) -> None:
        assert is_http(uri) in {True, False}
