"""The client's archive: checked, and unpacked safely."""

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hstandalone import clientpackage
from hstandalone.clientpackage import ClientPin, read_pin, unpack
from hstandalone.errors import StandaloneError
from hstandalone.run import CLIENT_PIN

BOOT = {"package/build/boot.js": b"boot", "package/LICENSE": b"BSD"}

Pack = Callable[..., tuple[Path, ClientPin]]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    def make(files: dict[str, bytes], *, link: tuple[str, str] | None = None) -> tuple[Path, ClientPin]:
        path = tmp_path / "hypothesis-1.0.0.tgz"
        with tarfile.open(path, "w:gz") as tar:
            directory = tarfile.TarInfo("package/build")
            directory.type = tarfile.DIRTYPE
            tar.addfile(directory)
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            if link is not None:
                info = tarfile.TarInfo(link[0])
                info.type, info.linkname = tarfile.SYMTYPE, link[1]
                tar.addfile(info)
        digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        return path, ClientPin(name="hypothesis", version="1.0.0", integrity=f"sha512-{digest}")

    return make


class TestPin:
    def test_the_checkout_names_one_version_with_its_digest(self) -> None:
        pin = read_pin(CLIENT_PIN)
        assert pin.archive_name == f"hypothesis-{pin.version}.tgz"
        assert len(base64.b64decode(pin.integrity.removeprefix("sha512-"))) == 64

    def test_its_file_is_what_an_image_build_reads(self) -> None:
        assert set(json.loads(CLIENT_PIN.read_text())) == {"name", "version", "integrity"}


class TestUnpack:
    def test_what_browsers_need_and_the_licence_are_there(self, pack: Pack, tmp_path: Path) -> None:
        archive, pin = pack(
            BOOT
            | {
                "package/build/scripts/a.js": b"a",
                "package/build/scripts/a.js.map": b"map",
                "package/build/styles/ui-playground.css": b"no",
            }
        )
        unpack(archive, pin=pin, target=tmp_path / "1.0.0")
        files = {str(path.relative_to(tmp_path / "1.0.0")) for path in tmp_path.glob("1.0.0/**/*") if path.is_file()}
        assert files == {"LICENSE", "build/boot.js", "build/scripts/a.js"}
        assert (tmp_path / "1.0.0" / "build" / "boot.js").read_bytes() == b"boot"

    def test_another_archive_is_refused(self, pack: Pack, tmp_path: Path) -> None:
        archive, pin = pack(BOOT)
        archive.write_bytes(archive.read_bytes() + b"\0")
        with pytest.raises(StandaloneError, match="sha512 differs"):
            unpack(archive, pin=pin, target=tmp_path / "1.0.0")
        assert not (tmp_path / "1.0.0").exists()

    @pytest.mark.parametrize(
        "name", ["package/../../evil", "/etc/evil", "../evil", "evil", "package/build/../../../evil"]
    )
    def test_a_path_that_leads_out_is_refused(self, pack: Pack, tmp_path: Path, name: str) -> None:
        archive, pin = pack(BOOT | {name: b"evil"})
        with pytest.raises(StandaloneError, match="may not be unpacked"):
            unpack(archive, pin=pin, target=tmp_path / "1.0.0")
        assert {path.name for path in tmp_path.iterdir()} == {archive.name}

    def test_a_link_is_refused(self, pack: Pack, tmp_path: Path) -> None:
        archive, pin = pack(BOOT, link=("package/build/passwd", "/etc/passwd"))
        with pytest.raises(StandaloneError, match="may not be unpacked"):
            unpack(archive, pin=pin, target=tmp_path / "1.0.0")

    def test_more_than_a_client_can_be_is_refused(
        self, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive, pin = pack(BOOT | {"package/build/bomb": b"0" * (clientpackage.MAX_BYTES + 1)})
        with pytest.raises(StandaloneError, match="far more"):
            unpack(archive, pin=pin, target=tmp_path / "1.0.0")
        assert not (tmp_path / "1.0.0").exists()

    def test_an_archive_without_the_boot_script_is_refused(self, pack: Pack, tmp_path: Path) -> None:
        archive, pin = pack({"package/LICENSE": b"BSD"})
        with pytest.raises(StandaloneError, match=r"no build/boot\.js"):
            unpack(archive, pin=pin, target=tmp_path / "1.0.0")

    def test_something_that_is_no_archive_is_refused(self, tmp_path: Path) -> None:
        archive = tmp_path / "a.tgz"
        archive.write_bytes(b"<html>")
        digest = base64.b64encode(hashlib.sha512(b"<html>").digest()).decode()
        pin = ClientPin(name="hypothesis", version="1.0.0", integrity=f"sha512-{digest}")
        with pytest.raises(StandaloneError, match="could not be unpacked"):
            unpack(archive, pin=pin, target=tmp_path / "1.0.0")

    def test_an_incomplete_directory_is_replaced(self, pack: Pack, tmp_path: Path) -> None:
        (tmp_path / "1.0.0").mkdir()
        (tmp_path / "1.0.0" / "old").touch()
        archive, pin = pack(BOOT)
        unpack(archive, pin=pin, target=tmp_path / "1.0.0")
        assert not (tmp_path / "1.0.0" / "old").exists()
