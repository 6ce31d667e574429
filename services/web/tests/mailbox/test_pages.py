"""Mail that was kept instead of sent."""

import os
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from hweb.app import create_app
from hweb.resources import Resources
from hweb.settings import Settings
from starlette.testclient import TestClient

HERE = "http://localhost:5000"
HTML = '<p style="color: red">Open <a href="http://localhost:5000/activate/1/x">this</a></p><script>alert(1)</script>'


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "mail").mkdir()
    return settings.model_copy(update={"app_url": HERE})


@pytest.fixture
def directory(settings: Settings) -> Path:
    assert settings.mail_dir
    return settings.mail_dir


def open_site(
    resources: Resources, settings: Settings, *, base_url: str = HERE, address: str = "127.0.0.1"
) -> TestClient:
    app = create_app(replace(resources, settings=settings))
    return TestClient(app, base_url=base_url, client=(address, 50000), raise_server_exceptions=False)


@pytest.fixture
def local(resources: Resources, settings: Settings) -> TestClient:
    """A browser on the machine itself."""
    return open_site(resources, settings)


def keep(
    directory: Path, name: str, *, subject: str = "Hello", text: str = "Text", html: str | None = None, age: int = 0
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "h <h@localhost>", "maria@example.net", subject
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    path = directory / name
    path.write_bytes(mail.as_bytes())
    os.utime(path, (1_000_000_000 - age, 1_000_000_000 - age))


class TestList:
    def test_the_newest_is_first(self, local: TestClient, directory: Path) -> None:
        keep(directory, "b.eml", subject="Older", age=60)
        keep(directory, "a.eml", subject="Newer")
        (directory / "notes.txt").write_text("no mail")
        page = local.get("/dev/mail").text
        assert page.index("Newer") < page.index("Older")
        assert "notes.txt" not in page

    def test_an_empty_one_says_so(self, local: TestClient) -> None:
        assert "no mail yet" in local.get("/dev/mail").text

    def test_subjects_are_text(self, local: TestClient, directory: Path) -> None:
        keep(directory, "a.eml", subject="<script>alert(1)</script> Grüße")
        page = local.get("/dev/mail").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; Grüße" in page

    def test_a_message_without_a_subject_can_be_opened_too(self, local: TestClient, directory: Path) -> None:
        (directory / "odd name&.eml").write_bytes(b"\xff\xfe not much of a message")
        page = local.get("/dev/mail").text
        assert "(no subject)" in page
        assert "/dev/mail/odd%20name%26.eml" in page
        assert local.get("/dev/mail/odd%20name%26.eml").status_code == 200

    def test_nothing_is_stored_by_the_browser(self, local: TestClient) -> None:
        headers = local.get("/dev/mail").headers
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


class TestMessage:
    def test_its_links_can_be_followed(self, local: TestClient, directory: Path) -> None:
        keep(directory, "a.eml", text="Go to http://localhost:5000/activate/1/abc-_x?y=1&z=2.\n<Bye>")
        page = local.get("/dev/mail/a.eml").text
        url = "http://localhost:5000/activate/1/abc-_x?y=1&amp;z=2"
        assert f'<a href="{url}">{url}</a>.' in page
        assert "&lt;Bye&gt;" in page

    def test_its_html_is_shown_by_itself_and_can_do_nothing(self, local: TestClient, directory: Path) -> None:
        keep(directory, "a.eml", html=HTML)
        assert "/dev/mail/a.eml/html" in local.get("/dev/mail/a.eml").text
        answer = local.get("/dev/mail/a.eml/html")
        assert '<a href="http://localhost:5000/activate/1/x">' in answer.text
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "sandbox allow-popups" in policy
        assert "script-src" not in policy
        assert "allow-scripts" not in policy
        assert "allow-same-origin" not in policy

    def test_one_that_is_all_html_is_not_lost(self, local: TestClient, directory: Path) -> None:
        mail = EmailMessage()
        mail["Subject"] = "Only HTML"
        mail.set_content("<p>Hi</p>", subtype="html")
        (directory / "a.eml").write_bytes(mail.as_bytes())
        assert "/dev/mail/a.eml/html" in local.get("/dev/mail/a.eml").text

    def test_without_html_there_is_no_such_page(self, local: TestClient, directory: Path) -> None:
        keep(directory, "a.eml")
        assert "a.eml/html" not in local.get("/dev/mail/a.eml").text
        assert local.get("/dev/mail/a.eml/html").status_code == 404

    @pytest.mark.parametrize("name", ["b.eml", "..%2fsecret.eml", "%2e%2e%2fsecret.eml", "*.eml"])
    def test_no_other_file_can_be_read(self, local: TestClient, directory: Path, name: str) -> None:
        keep(directory, "a.eml")
        (directory.parent / "secret.eml").write_text("secret")
        assert local.get(f"/dev/mail/{name}").status_code == 404


class TestWhoMaySeeIt:
    @pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "http://[::1]:5000", "http://h.localhost"])
    def test_a_browser_on_the_machine_may(self, resources: Resources, settings: Settings, url: str) -> None:
        assert open_site(resources, settings, base_url=url, address="::1").get("/dev/mail").status_code == 200

    def test_one_on_another_machine_may_not(self, resources: Resources, settings: Settings) -> None:
        assert open_site(resources, settings, address="192.0.2.7").get("/dev/mail").status_code == 404

    @pytest.mark.parametrize("url", ["http://rebound.example:5000", "http://localhost.example"])
    def test_a_foreign_name_that_points_here_may_not(self, resources: Resources, settings: Settings, url: str) -> None:
        assert open_site(resources, settings, base_url=url).get("/dev/mail").status_code == 404

    @pytest.mark.parametrize(
        "changes",
        [
            {"mail_host": "smtp.example.org"},
            {"mail_dir": None},
            {"app_url": "http://notes.example.org"},
        ],
    )
    def test_there_is_none_on_a_public_site_or_where_mail_is_sent(
        self, resources: Resources, settings: Settings, changes: dict[str, str | None]
    ) -> None:
        site = open_site(resources, settings.model_copy(update=changes))
        for path in ("/dev/mail", "/dev/mail/a.eml", "/dev/mail/a.eml/html"):
            assert site.get(path).status_code == 404
