"""Checks that pages name what exists: links and their anchors, files, the names in them, targets of make.

A file stands in a page as seen from the repository, from its page, or as Python imports it (`hweb/annotations/api.py`);
`hweb/annotations/api.py::create` names a function or a class. Only paths that begin with a folder of the repository
count. Tests go by short names too (`web/annotations/test_api.py::test_that`), and every row of the divergences names
one. Decisions (`docs/adr`) may name what was given up.
"""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "hcommon": "libs/hcommon/src/hcommon",
    **{f"h{name}": f"services/{name}/src/h{name}" for name in ("web", "worker", "websocket", "indexer", "standalone")},
}
TESTS = {
    "common": "libs/hcommon/tests",
    "contract": "tests/contract",
    **{name: f"services/{name}/tests" for name in ("web", "worker", "websocket", "indexer", "standalone")},
}
DIVERGENCES = "docs/divergences.md"
WRITTEN_LATER = {"compose/.env", "var/chaos.md"}
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.-]*\w(/[\w.-]+)*/?(::\w+)?")
_ROW = re.compile(r"^\| (?!what \||---).*$", re.MULTILINE)
_TEST = re.compile(r"`[\w/]+\.py::test_\w+`")
_MAKE = re.compile(r"(?:^|[`\s])make ([a-z][a-z0-9-]*)\b")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_TARGET = re.compile(r"^([a-z0-9 -]+):", re.MULTILINE)


def problems() -> list[str]:
    """Return what is wrong in all pages of the repository, a line each."""
    targets = {name for line in _TARGET.findall((ROOT / "Makefile").read_text()) for name in line.split()}
    found = []
    for page in _pages():
        name = page.relative_to(ROOT).as_posix()
        text = page.read_text(encoding="utf-8")
        paths = () if name.startswith("docs/adr/") else _paths(page, text)
        untested = _untested(text) if name == DIVERGENCES else ()
        found += [f"{name}: {problem}" for problem in (*_links(page, text), *paths, *_makes(text, targets), *untested)]
    return found


def _pages() -> Iterator[Path]:
    """Find every page of ours, also where there is no git: what begins with a dot, and data, is not."""
    yield from ROOT.glob("*.md")
    for top in ("compose", "docs", "libs", "services", "tests", "tools"):
        yield from sorted((ROOT / top).rglob("*.md"))


def _links(page: Path, text: str) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            yield f"no file {link}"
        elif anchor and anchor not in _anchors(target.read_text(encoding="utf-8")):
            yield f"no heading {link}"


def _anchors(text: str) -> set[str]:
    headings = _HEADING.findall(_FENCE.sub("", text))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _paths(page: Path, text: str) -> Iterator[str]:
    for code in _CODE.findall(_FENCE.sub("", text)):
        path, _, name = code.partition("::")
        top = path.split("/")[0]
        is_test = top in TESTS and name.startswith("test_")
        if "/" not in path or not _PATH.fullmatch(code) or not (is_test or top in PACKAGES or (ROOT / top).is_dir()):
            continue
        if path in WRITTEN_LATER:
            continue
        folder = TESTS[top] if is_test else PACKAGES.get(top, top)
        places = [ROOT / path, page.parent / path, ROOT / folder / path.partition("/")[2]]
        target = next((place for place in places if place.exists()), None)
        if target is None:
            yield f"no file `{code}`"
        elif name and not re.search(rf"^\s*(async )?(def|class) {name}\b", target.read_text(), re.MULTILINE):
            yield f"nothing of this name: `{code}`"


def _untested(text: str) -> Iterator[str]:
    for row in _ROW.findall(text):
        if not _TEST.search(row):
            yield f"no test in the row {row}"


def _makes(text: str, targets: set[str]) -> Iterator[str]:
    commands = [*_CODE.findall(text), *(line for block in _FENCE.findall(text) for line in block.splitlines())]
    for command in commands:
        for target in _MAKE.findall(command):
            if command.startswith("make ") and target not in targets:
                yield f"no target `make {target}`"
