"""The text of an annotation as HTML that another application can show as it is.

Markdown by CommonMark, with bare addresses as links. What looks like a formula stays untouched between its
delimiters, for whoever draws formulas. Of HTML, also that which people type, only plain formatting and mentions are
left; everything else is taken out.
Source: specification of the API, section 7.5.
"""

from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

_FORMATTING: Final = (
    "abbr",
    "acronym",
    "b",
    "blockquote",
    "br",
    "code",
    "em",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
)
_TAGS: Final = frozenset((*_FORMATTING, "a", "img", "ul", "h1", "h2", "h3", "h4", "h5", "h6"))
_ATTRIBUTES: Final = {
    "a": {"href", "title", "data-hyp-mention", "data-userid"},
    "abbr": {"title"},
    "acronym": {"title"},
    "img": {"alt", "src", "title"},
}
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_FORMULAS: Final = {"\\(": "\\)", "$$": "$$"}


def render(text: str) -> str:
    """Return the text as HTML, safe to show; empty for none."""
    return nh3.clean(
        _markdown.render(text),
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        link_rel="nofollow noopener",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


def _formula(state: StateInline, silent: bool) -> bool:
    closing = _FORMULAS.get(state.src[state.pos : state.pos + 2])
    end = state.src.find(closing, state.pos + 2) if closing else -1
    if closing is None or end < 0:
        return False
    if not silent:
        state.push("text", "", 0).content = state.src[state.pos : end + len(closing)]
    state.pos = end + len(closing)
    return True


def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable("linkify")
    made.inline.ruler.before("escape", "formula", _formula)
    return made


_markdown: Final = _renderer()
