"""What another application may show as it is."""

from html.parser import HTMLParser

import pytest
from hworker.markdown import render


class Elements(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.values: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.values |= {value or "" for _, value in attrs}


class TestFormatting:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("", ""),
            ("*a* and **b**", "<p><em>a</em> and <strong>b</strong></p>"),
            ("# A\n\n1. b\n2. `c`", "<h1>A</h1>\n<ol>\n<li>b</li>\n<li><code>c</code></li>\n</ol>"),
            ("> a < b & c", "<blockquote>\n<p>a &lt; b &amp; c</p>\n</blockquote>"),
            (r"\(a_1*b*\) and $$x_1 < *y*$$", r"<p>\(a_1*b*\) and $$x_1 &lt; *y*$$</p>"),
            (r"\(a without an end", "<p>(a without an end</p>"),
            ('<abbr title="T">t</abbr>', '<p><abbr title="T">t</abbr></p>'),
        ],
    )
    def test_is_that_of_markdown(self, text: str, html: str) -> None:
        assert render(text) == html

    @pytest.mark.parametrize(
        "text", ["https://a.example/b", "<https://a.example/b>", "[https://a.example/b](https://a.example/b)"]
    )
    def test_addresses_are_links_that_open_elsewhere(self, text: str) -> None:
        html = render(text)
        assert html.startswith('<p><a href="https://a.example/b"')
        assert 'target="_blank"' in html
        assert 'rel="nofollow noopener"' in html

    def test_mentions_stay(self) -> None:
        html = render('<a data-hyp-mention="" data-userid="acct:bob@example.org">@bob</a>')
        assert 'data-hyp-mention=""' in html
        assert 'data-userid="acct:bob@example.org"' in html


class TestWhatIsTakenOut:
    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[a](javascript:alert(1))",
            '<a href="javascript:alert(1)" onclick="alert(1)" style="x">a</a>',
            "<svg><script>alert(1)</script></svg>",
            "<iframe src=https://a.example></iframe>",
            r"\(<img src=x onerror=alert(1)>\)",
            "<p\n\nonclick=alert(1)>a",
        ],
    )
    def test_nothing_can_run(self, text: str) -> None:
        found = Elements(render(text))
        assert found.tags <= {"p", "a", "img"}
        assert found.attributes <= {"href", "src", "target", "rel"}
        assert not any(value.startswith("javascript") for value in found.values)
