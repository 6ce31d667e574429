"""Formats of the identifiers that people, clients and URLs carry.

Ids are made here and not by the database, because PostgreSQL 15 to 18 with or without extensions must all do.
"""

import binascii
import os
import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from hcommon.errors import ErrorKind, HError

WORLD_GROUP: Final = "__world__"
"""Pubid of the public group."""

DEFAULT_ORGANIZATION: Final = "__default__"
"""Pubid of the organisation that clients take for the site's own."""

GROUP_PUBID_LENGTH: Final = 8
ORGANIZATION_PUBID_LENGTH: Final = 8
USER_PUBID_LENGTH: Final = 12

_PUBID_ALPHABET: Final = "123456789ABDEGJKLMNPQRVWXYZabdegijkmnopqrvwxyz"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TO_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")
_ANNOTATION_ID: Final = re.compile(r"[A-Za-z0-9_-]{22}|[A-Za-z0-9_-]{20}")

# Lone surrogates, NUL and white space can neither be stored nor be typed on purpose.
_AUTHORITY: Final = r"[^@\s\x00-\x20\x7f\ud800-\udfff]+"
_USERID: Final = re.compile(rf"acct:({_AUTHORITY})@({_AUTHORITY})")
_GROUPID: Final = re.compile(rf"group:([a-zA-Z0-9._\-+!~*()']{{1,1024}})@({_AUTHORITY})")
_USERNAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._]{1,28}[A-Za-z0-9_]")


class InvalidIdError(HError):
    """The text is not the id of an annotation."""

    kind = ErrorKind.INVALID


class InvalidUseridError(HError):
    """The text is not of the form `acct:name@host`."""

    kind = ErrorKind.INVALID


class InvalidGroupidError(HError):
    """The text is not of the form `group:id@host`."""

    kind = ErrorKind.INVALID


def new_annotation_id(*, now: datetime) -> uuid.UUID:
    """Make a version 7 id: ids of later microseconds sort after earlier ones, which keeps indexes compact.

    The 12 bits after the millisecond hold the microseconds; 62 bits are random. Within one microsecond, ids
    have no order.

    Source: RFC 9562, sections 5.7 and 6.2 (method 3).
    """
    millis, micros = divmod((now - _EPOCH) // _MICROSECOND, 1000)
    head = (millis & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | (micros * 4096 // 1000)
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    return uuid.UUID(int=head << 64 | tail)


def annotation_id_to_urlsafe(annotation_id: uuid.UUID) -> str:
    """Return the id as the API shows it: 22 characters, or 20 for a legacy id.

    A legacy id is 15 bytes that are kept as a UUID, with a nibble `e` put in at hex position 12 and a `5` at
    position 16. A version 7 id can't be mistaken for one: it has a `7` at position 12.
    """
    raw = annotation_id.bytes
    nibbles = annotation_id.hex
    if nibbles[12] == "e" and nibbles[16] == "5":
        raw = bytes.fromhex(nibbles[:12] + nibbles[13:16] + nibbles[17:])
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URLSAFE, b"=").decode("ascii")


def annotation_id_from_urlsafe(urlsafe: str) -> uuid.UUID:
    """Return the id that `annotation_id_to_urlsafe` writes as exactly this text.

    Raises:
        InvalidIdError: there is no such id. Other spellings of an id (unused bits set, padding, a legacy id in
            22 characters) are refused, so that an annotation has one address.
    """
    if _ANNOTATION_ID.fullmatch(urlsafe):
        padding = "=" * (-len(urlsafe) % 4)
        raw = binascii.a2b_base64(urlsafe.replace("-", "+").replace("_", "/") + padding)
        if len(raw) == 15:  # noqa: PLR2004 - the size of a legacy id
            nibbles = raw.hex()
            annotation_id = uuid.UUID(hex=f"{nibbles[:12]}e{nibbles[12:15]}5{nibbles[15:]}")
        else:
            annotation_id = uuid.UUID(bytes=raw)
        if annotation_id_to_urlsafe(annotation_id) == urlsafe:
            return annotation_id
    raise InvalidIdError("This is not the id of an annotation.")


def new_pubid(length: int) -> str:
    """Make a random public id of `length` characters, none of which is easily taken for another."""
    return "".join([secrets.choice(_PUBID_ALPHABET) for _ in range(length)])


def make_userid(username: str, authority: str) -> str:
    """Return the userid; the parts are taken as they are."""
    return f"acct:{username}@{authority}"


def split_userid(userid: str) -> tuple[str, str]:
    """Return username and authority, spelt as in the userid.

    The username need not satisfy `is_valid_username`: rules for new names don't bind old accounts.

    Raises:
        InvalidUseridError: the text isn't of the form `acct:name@host`.
    """
    if match := _USERID.fullmatch(userid):
        return match[1], match[2]
    raise InvalidUseridError("A userid has the form acct:name@host.")


def make_groupid(authority_provided_id: str, authority: str) -> str:
    """Return the groupid; the parts are taken as they are."""
    return f"group:{authority_provided_id}@{authority}"


def split_groupid(groupid: str) -> tuple[str, str]:
    """Return the authority's own id of the group, and the authority.

    Raises:
        InvalidGroupidError: the text isn't of the form `group:id@host`; a pubid, for example.
    """
    if match := _GROUPID.fullmatch(groupid):
        return match[1], match[2]
    raise InvalidGroupidError("A groupid has the form group:id@host.")


def normalize_username(username: str) -> str:
    """Return the key under which names are one account: `new.user`, `NewUser` and `newuser` are the same."""
    return username.replace(".", "").lower()


def is_valid_username(username: str) -> bool:
    """Tell whether a new account may have this name; reserved words are not looked at."""
    return _USERNAME.fullmatch(username) is not None
