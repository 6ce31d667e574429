"""Names that nobody may sign up with: they would be taken for the site, its staff or a part of its address."""

from typing import Final

from hcommon.ids import normalize_username

_WORDS = """
abuse access account accounts activate activation activity admin administration administrator admins advert
advertising alert alerts all annotate annotation annotations announcement anonymous anybody anyone api app apps
archive assets auth authority authorize autoconfig autodiscover backup badge billing blog board bot bots broadcast
bug bugs bulk cache calendar callback cdn claim client clients cloud compliance config configuration contact content
contributor cookie copyright css daemon dashboard database default delete deleted demo dev developer developers
docs documentation download downloads edit editor email embed error errors everybody everyone example export
faq feed feedback feeds file files flag forgot forum forums ftp group groups guest guests help helpdesk
history home host hostmaster hypothesis id image images imap import index info information inbox invite invoice issues
job jobs json jwt legal license link links list lists localhost log login logout mail mailer mailerdaemon
maintainer manager marketing master me media member members mention mentions message messages moderation
moderator moderators myself nan network new news newsletter nobody noc none noreply notebook notes notification
notifications null oauth official openid operator organization organizations owner page pages password payment
payments ping policy pop popular postmaster press privacy private profile profiles public register
registration report reports reset robot robots root rss safety sales sample save script search secure
security self server service services session sessions settings setup shop signin signout signup site sitemap
smtp somebody someone spam ssl staff static statistics stats status stream subscribe support sysadmin
system tag tags team terms test tester tests token tokens tools trash trust undefined unknown unsubscribe update
upload user username users verify via view void webhook webhooks webmail webmaster welcome wiki world www www1 you
"""

RESERVED: Final = frozenset(normalize_username(word) for word in _WORDS.split())


def is_reserved(username: str) -> bool:
    """Tell whether a name is reserved, however it is spelt."""
    return normalize_username(username).strip("_") in RESERVED
