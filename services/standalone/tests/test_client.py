"""Fetching the client; the network is a small script in npm's place."""

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hstandalone.client import fetch_client
from hstandalone.clientpackage import ClientPin
from hstandalone.errors import StandaloneError
from hstandalone.stopping import StopRequest, StopRequestedError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "source.tgz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("package/build/boot.js")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"boot"))
    return path


@pytest.fixture
def pin(archive: Path) -> ClientPin:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    return ClientPin(name="hypothesis", version="1.0.0", integrity=f"sha512-{digest}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "client"
    directory.mkdir()
    return directory


def npm(directory: Path, script: str) -> Path:
    path = directory / "npm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


class TestFetchClient:
    def test_it_is_fetched_once(
        self, root: Path, pin: ClientPin, archive: Path, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        working = npm(tmp_path, f'echo "$@" >>{tmp_path}/calls; cp {archive} hypothesis-1.0.0.tgz')
        for _ in range(2):
            directory = fetch_client(root, pin=pin, env=environment, stop=StopRequest(), npm=working)
            assert directory == root / "1.0.0"
            assert (directory / "build" / "boot.js").is_file()
        [call] = (tmp_path / "calls").read_text().splitlines()
        assert call.startswith("pack hypothesis@1.0.0 ")
        assert [path.name for path in root.iterdir()] == ["1.0.0"]

    def test_an_archive_that_somebody_supplied_is_taken(
        self, root: Path, pin: ClientPin, archive: Path, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        (root / pin.archive_name).write_bytes(archive.read_bytes())
        broken = npm(tmp_path, "exit 1")
        assert fetch_client(root, pin=pin, env=environment, stop=StopRequest(), npm=broken) == root / "1.0.0"

    def test_without_a_network_it_says_what_npm_said_and_what_to_do(
        self, root: Path, pin: ClientPin, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        broken = npm(tmp_path, "echo 'npm error network' >&2; exit 1")
        with pytest.raises(StandaloneError, match=rf"(?s)npm error network.*npm pack hypothesis@1\.0\.0.*{root}"):
            fetch_client(root, pin=pin, env=environment, stop=StopRequest(), npm=broken)
        assert not list(root.iterdir())

    def test_nobody_has_to_wait_for_the_network(
        self, root: Path, pin: ClientPin, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        stop = StopRequest()
        stop.requested = True
        with pytest.raises(StopRequestedError):
            fetch_client(root, pin=pin, env=environment, stop=stop, npm=npm(tmp_path, "sleep 600"))
        assert not list(root.iterdir())

    def test_npm_trusts_the_authorities_that_other_programs_trust(
        self, root: Path, pin: ClientPin, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        echo = npm(tmp_path, 'echo "trusts $NODE_EXTRA_CA_CERTS"; exit 1')
        for given, trusted in (
            ({"PIP_CERT": "/pip.pem"}, "/pip.pem"),
            ({"PIP_CERT": "/pip.pem", "SSL_CERT_FILE": "/ssl.pem"}, "/ssl.pem"),
            ({"SSL_CERT_FILE": "/ssl.pem", "NODE_EXTRA_CA_CERTS": "/node.pem"}, "/node.pem"),
        ):
            with pytest.raises(StandaloneError, match=f"trusts {trusted}"):
                fetch_client(root, pin=pin, env=environment | given, stop=StopRequest(), npm=echo)
