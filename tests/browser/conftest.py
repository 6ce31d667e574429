"""The system, the browser, and people who use it.

The journeys know the system from outside alone: its commands, its pages and the unmodified client. They start one as
`make run` does, or use the containers that the file named by `TEST_BROWSER_CONTAINERS` describes.
"""

import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import chromium, ownsite, provider
from tests.browser import system as systems
from tests.browser.containers import Containers
from tests.browser.ownsite import OwnSite
from tests.browser.system import System
from tests.browser.visitor import TIMEOUT_MS, People, Visitor, picture

ARTIFACTS = Path(__file__).parents[2] / "var" / "browser"
"""The services' logs, and screenshots of what failed."""

FAULT = re.compile(r"^.*(?:\[error|\[critical|Traceback ).*$", re.MULTILINE)
"""A line of a service's log that should not be there, whatever people saw."""

Enter = Callable[..., Visitor]
"""Opens somebody's browser: `enter("alice")`, or `enter()` for nobody."""

_failed = pytest.StashKey[bool]()
_measured = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_measured] = []
    expect.set_options(timeout=TIMEOUT_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[_measured]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def system() -> Iterator[System | Containers]:
    """All of h; where `make run` runs it its logs may hold no error at the end."""
    shutil.rmtree(ARTIFACTS, ignore_errors=True)
    if described := os.environ.get("TEST_BROWSER_CONTAINERS"):  # noqa: TID251 - not a setting of h
        yield Containers(Path(described))
        return
    with provider.serving() as variables, systems.running(variables) as running:
        yield running
        shutil.copytree(running.data / "log", ARTIFACTS / "log")
    faults = [line for path in (ARTIFACTS / "log").glob("*.log") for line in FAULT.findall(path.read_text())]
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def site(system: System) -> Iterator[OwnSite]:
    """Pages of somebody else's."""
    with ownsite.serving(app_url=system.url) as serving:
        yield serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.executable(), args=chromium.flags())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def people(browser: Browser, system: System, site: OwnSite) -> People:
    """Accounts, and who has logged in."""
    return People(browser=browser, system=system, site=site)


@pytest.fixture
def enter(people: People, request: pytest.FixtureRequest) -> Iterator[Enter]:
    """Open browsers; at the end nothing may have happened in them that should not have."""
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def open_browser(username: str | None = None) -> Visitor:
            visitors.append(stack.enter_context(people.visit(username)))
            return visitors[-1]

        yield open_browser
        if request.node.stash.get(_failed, False):
            ARTIFACTS.mkdir(parents=True, exist_ok=True)
            for number, visitor in enumerate(visitors):
                picture(visitor, ARTIFACTS / f"{request.node.name}-{number}")
        # Now, and not after the pages are closed: that interrupts what they are asking for, and they say so.
        problems = [problem for visitor in visitors for problem in visitor.watch.problems]
    assert not problems, "\n".join(problems)


@pytest.fixture
def page_url(request: pytest.FixtureRequest, site: OwnSite) -> str:
    """Address of a page that no other test has."""
    return site.page(request.node.name.removeprefix("test_").replace("_", "-"))


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Take down a duration in seconds, to be shown at the end."""

    def note(what: str, seconds: float) -> None:
        request.config.stash[_measured].append(f"{what}: {seconds * 1000:.0f} ms")

    return note
