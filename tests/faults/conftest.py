"""One system with durable data for all tests of a file, people with accounts, and a mail server."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import mailserver, people
from tests.faults.api import Api
from tests.faults.mailserver import MailServer
from tests.faults.people import People
from tests.faults.system import System


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    """Where the mails arrive."""
    with mailserver.listening() as server:
        yield server


@pytest.fixture(scope="module")
def installation(mail: MailServer) -> Iterator[System]:
    """A system that may be stopped and started; it is removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="h-faults-", dir="/var/tmp"))
    root.chmod(0o711)  # the account that runs PostgreSQL passes through
    system = System(data=root / "data", variables={"MAIL_HOST": "127.0.0.1", "MAIL_PORT": str(mail.port)})
    yield system
    system.remove()
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def members(installation: System) -> People:
    """Accounts of the system."""
    installation.run()
    return people.register(installation)


@pytest.fixture
def system(installation: System, members: People) -> System:
    """The system as `make run` starts it."""
    installation.run()
    return installation


@pytest.fixture
def apart(installation: System, members: People) -> System:
    """The system with a process for each of the worker's roles."""
    installation.run(apart=True)
    return installation


@pytest.fixture
def reader(installation: System, members: People) -> Iterator[Api]:
    """Somebody who searches."""
    with closing(Api(installation.url, token=members.author)) as api:
        yield api
