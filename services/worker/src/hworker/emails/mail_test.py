"""The message that shows that mail arrives."""

from email.message import EmailMessage

from hworker.emails.message import Envelope, compose


def mail_test_message(envelope: Envelope, *, app_url: str) -> EmailMessage:
    """Return the message.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    return compose(envelope, subject="A test of outgoing mail", template="mail_test", values={"app_url": app_url})
