"""How a message leaves."""

import ssl
import stat
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hcommon.clock import SystemClock
from hcommon.testing.clock import START
from hworker.emails.message import Envelope, compose
from hworker.mailer import (
    DirectoryMailer,
    DroppingMailer,
    MailRefusedError,
    MailServerUnavailableError,
    SMTPMailer,
    create_mailer,
)
from hworker.settings import Settings
from structlog.testing import capture_logs


def message(*, to: str = "ann@example.org", message_id: str = "1@example.org") -> EmailMessage:
    values = {"username": "Ån", "link": "https://h/x", "app_url": "https://h", "days": 7}
    envelope = Envelope(to=to, sender="Ä <noreply@example.org>", message_id=message_id, now=START)
    return compose(envelope, subject="Grüße 😀", template="activation", values=values)


def mailer(port: int, **changes: Any) -> SMTPMailer:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "local_hostname": "example.org",
        "timeout_seconds": 5,
    }
    return SMTPMailer(**(values | changes))


class TestSMTPMailer:
    def test_arrives_as_it_was_written(self, smtp: Controller, sink: Any) -> None:
        mailer(smtp.port).send(message())
        assert sink.recipients == ["ann@example.org"]
        arrived = sink.messages[0]
        assert arrived["Subject"] == "Grüße 😀"
        assert arrived["From"] == "Ä <noreply@example.org>"
        assert "Hello Ån" in arrived.get_body(("plain",)).get_content()

    @pytest.mark.parametrize("answer", ["550 5.1.1 <ann@example.org> unknown", "553 no such mailbox"])
    def test_a_refused_recipient_is_refused_for_good(self, smtp: Controller, sink: Any, answer: str) -> None:
        sink.rcpt_answer = answer
        with pytest.raises(MailRefusedError) as error:
            mailer(smtp.port).send(message())
        assert answer[:3] in error.value.reason
        assert "ann@" not in error.value.reason

    def test_a_refused_message_is_refused_for_good(self, smtp: Controller, sink: Any) -> None:
        sink.data_answer = "554 5.7.1 looks like spam"
        with pytest.raises(MailRefusedError, match=r"554 5\.7\.1"):
            mailer(smtp.port).send(message())

    def test_a_recipient_put_off_is_tried_later(self, smtp: Controller, sink: Any) -> None:
        sink.rcpt_answer = "451 4.7.1 greylisted"
        with pytest.raises(MailServerUnavailableError, match=r"451 4\.7\.1"):
            mailer(smtp.port).send(message())

    def test_a_message_put_off_is_tried_later(self, smtp: Controller, sink: Any) -> None:
        sink.data_answer = "452 no space"
        with pytest.raises(MailServerUnavailableError, match="452"):
            mailer(smtp.port).send(message())

    def test_no_server_is_a_passing_fault(self, free_port: int) -> None:
        with pytest.raises(MailServerUnavailableError, match="not available"):
            mailer(free_port).send(message())

    def test_a_server_that_does_not_answer_is_a_passing_fault(self, smtp: Controller, sink: Any) -> None:
        sink.hold.clear()
        with pytest.raises(MailServerUnavailableError):
            mailer(smtp.port, timeout_seconds=0.5).send(message())

    def test_a_server_without_tls_gets_nothing_when_tls_is_wanted(self, smtp: Controller, sink: Any) -> None:
        with pytest.raises(MailServerUnavailableError):
            mailer(smtp.port, tls="starttls").send(message())
        assert sink.messages == []

    def test_a_server_without_authentication_gets_nothing_when_it_is_wanted(self, smtp: Controller, sink: Any) -> None:
        with pytest.raises(MailServerUnavailableError):
            mailer(smtp.port, username="h", password="secret").send(message())
        assert sink.messages == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    return path


class TestTLS:
    @pytest.mark.parametrize("tls", ["starttls", "tls"])
    def test_sends_encrypted_and_authenticated(
        self, sink: Any, free_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch, tls: str
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        seen: list[Any] = []

        def authenticate(*arguments: Any) -> AuthResult:
            seen.append(arguments[-1])
            return AuthResult(success=True)

        controller = Controller(
            sink,
            hostname="localhost",
            port=free_port,
            ssl_context=context if tls == "tls" else None,
            tls_context=context if tls == "starttls" else None,
            authenticator=authenticate,
            auth_require_tls=tls == "starttls",
        )
        controller.start()
        try:
            mailer(free_port, host="localhost", tls=tls, username="h", password="secret").send(message())
        finally:
            controller.stop()
        assert (seen[0].login, seen[0].password) == (b"h", b"secret")
        assert len(sink.messages) == 1

    def test_a_certificate_of_nobody_we_trust_gets_nothing(self, sink: Any, free_port: int, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        controller = Controller(sink, hostname="localhost", port=free_port, tls_context=context)
        controller.start()
        try:
            with pytest.raises(MailServerUnavailableError):
                mailer(free_port, host="localhost", tls="starttls").send(message())
        finally:
            controller.stop()
        assert sink.messages == []


class TestDirectoryMailer:
    def test_keeps_messages_in_the_order_of_sending(self, tmp_path: Path) -> None:
        directory = tmp_path / "deep" / "mail"
        DirectoryMailer(directory).send(message(message_id="reply.a/../b@example.org"))
        (path,) = directory.iterdir()
        assert path.name == "20260102T030405Z-reply.a_.._b_example.org.eml"
        assert stat.S_ISREG(path.stat().st_mode)
        assert b"Message-ID: <reply.a/../b@example.org>" in path.read_bytes()

    def test_the_same_message_again_is_the_same_file(self, tmp_path: Path) -> None:
        for _ in range(2):
            DirectoryMailer(tmp_path).send(message())
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_directory_that_cannot_be_written_is_a_passing_fault(self, tmp_path: Path) -> None:
        blocker = tmp_path / "mail"
        blocker.write_text("")
        with pytest.raises(MailServerUnavailableError):
            DirectoryMailer(blocker).send(message())


class TestCreateMailer:
    def test_a_host_means_smtp(self, make_settings: Callable[..., Settings]) -> None:
        assert isinstance(create_mailer(make_settings(mail_host="x", mail_password="y")), SMTPMailer)
        assert isinstance(create_mailer(make_settings(mail_host="x")), SMTPMailer)

    def test_a_directory_means_files(self, make_settings: Callable[..., Settings]) -> None:
        assert isinstance(create_mailer(make_settings()), DirectoryMailer)

    def test_neither_means_a_warning(self, make_settings: Callable[..., Settings]) -> None:
        dropping = create_mailer(make_settings(mail_dir=None))
        assert isinstance(dropping, DroppingMailer)
        with capture_logs() as logs:
            dropping.send(message())
        assert [(line["event"], line["log_level"]) for line in logs] == [("mail_dropped", "warning")]
