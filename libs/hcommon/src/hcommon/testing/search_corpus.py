"""A corpus of annotations in twelve languages, and searches of it, of any size and the same for the same seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import insert
from sqlalchemy.orm import Session

from hcommon import ids, uri
from hcommon.auth import ANONYMOUS, Principal, principal_of_user
from hcommon.models import Annotation, Document, DocumentURI, Group, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import Role
from hcommon.search.query import Cursor, SearchQuery, SortKey, UserTerm
from hcommon.testing.clock import START
from hcommon.testing.factories import AUTHORITY, add_member, make_group, make_user, make_world_group
from hcommon.uri import parse_versioned, parse_wildcard

SPACED: Final = (
    "the sea Seal of Darwin's co-operate e-mail x1 don't reading note_book 3.14 it's GitHub C++ naïve ﬁnal",
    "Straße über Größe der Müller Bücher-Regal und Fußnote lesen Überraschung STRASSE",
    "l'été l'homme œuvre garçon déjà-vu aujourd'hui être lire ÉCOLE français",
    "niño mañana corazón leer año ¿qué? página García universidad",
    "море читать ёлка Москва книга заметка университет история Ёжик",
    "θάλασσα βιβλίο ιστορία ΣΟΦΊΑ σοφός ἀρχή λόγος",
    "بحر كتاب الكِتَاب قراءة یک ملاحظة تاريخ مدرسة",
    "समुद्र किताब हिन्दी पढ़ना नोट विश्वविद्यालय क्षत्रिय",
    "바다 책 읽기 대학교 주석 역사를 한국어",
)
RUNS: Final = (
    "日本語 中文 注釈 図書館 東京大学 人工智能 研究 海 书 阅读 学习机器 機器學習",
    "ノート カタカナ ひらがな がくせい ガクセイ 読む メモ ヴァイオリン ｶﾅ",
    "ภาษาไทย ทะเล หนังสือ อ่าน น้ำ มหาวิทยาลัย บันทึก",
    "東京2020年 iPhoneを Python入門書 GitHubで 第3章 日本x語 หน้า12ของ",
)
SIGNS: Final = (", ", ". ", " — ", " ", " ", " ", " ", "\n", "_", "/", "。", "、", " ☂ ", "🙂")
PLACES: Final = ("sea", "books/1984", "été?q=a&b=%C3%A9", "日本語", "a_b-c.html", "paper.pdf#page=2", "?x_y=*", "x/y/z")
HOSTS: Final = ("https://example.com", "http://www.Example.com", "https://sea.example", "https://bücher.example")
SUFFIXES: Final = ("", "", ":v1", ":all", ":v0:v2")
OPERATORS: Final = (" ", " ", " ", " ", " | ", " -", " +", " (", ") ", ' "', '" ', "* ")


@dataclass
class Corpus:
    """What was written, as far as searches need it."""

    random: random.Random
    users: list[User]
    groups: list[Group]
    principals: list[Principal]
    uris: list[str]
    rows: list[dict[str, Any]] = field(default_factory=list)


def _chance(some: random.Random, percent: int) -> bool:
    return some.random() * 100 < percent


def words_of(some: random.Random, number: int) -> list[str]:
    """Return words of one language, and now and then of another."""
    chosen = some.choice(SPACED + RUNS).split()
    found = [some.choice(chosen) for _ in range(number)]
    return [some.choice(some.choice(SPACED + RUNS).split()) if _chance(some, 10) else word for word in found]


def text_of(some: random.Random, longest: int) -> str:
    """Return a text of up to so many words; runs stand together as often as not."""
    words = words_of(some, some.randint(0, longest))
    return "".join(
        [word + ("" if not word[0].isascii() and _chance(some, 30) else some.choice(SIGNS)) for word in words]
    )


def write(session: Session, *, size: int, seed: int) -> Corpus:
    """Write so many annotations, in groups of each kind, of people who see different parts of them."""
    some = random.Random(seed)  # noqa: S311 - the same each time is what is wanted
    users = [make_user(session, username=f"Reader.{number}", nipsa=number % 9 == 0) for number in range(30)]
    kinds = ("open", "restricted", "private", "private", "private")
    groups = [make_world_group(session), *[make_group(session, kind=kind) for kind in kinds]]
    for group in groups[2:]:
        for user in some.sample(users, 8):
            role, lms_role = some.choice(list(Role)), some.choice((None, None, "lms_instructor"))
            add_member(session, group=group, user=user, role=role, lms_role=lms_role)
    corpus = Corpus(some, users, groups, [ANONYMOUS], [f"{host}/{place}" for host in HOSTS for place in PLACES])
    documents = _write_documents(session, corpus)
    parents: list[UUID] = []
    for _ in range(size):
        row = _row(corpus, documents, span=timedelta(seconds=max(size // 3, 1)), parents=parents)
        corpus.rows.append(row)
        parents.append(row["id"])
    for start in range(0, size, 1_000):
        session.execute(insert(Annotation), corpus.rows[start : start + 1_000])
    corpus.principals += [principal_of_user(session, user.id) for user in users]
    return corpus


def _write_documents(session: Session, corpus: Corpus) -> dict[str, int]:
    """Write a document for each URI, but the same for some pairs of them."""
    found: dict[str, int] = {}
    for number, claimant in enumerate(corpus.uris):
        document = Document(created=START, updated=START)
        session.add(document)
        session.flush()
        found[claimant] = document.id if number % 5 else found.get(corpus.uris[number - 1], document.id)
        for claimed in {claimant, corpus.uris[number - 1]} if not number % 5 else {claimant}:
            session.add(_claim(found[claimant], claimant, claimed, user_id=corpus.users[0].id))
    session.flush()
    return found


def _claim(document_id: int, claimant: str, claimed: str, *, user_id: int) -> DocumentURI:
    normalized = uri.normalize(claimed)
    return DocumentURI(
        document_id=document_id,
        claimant=claimant,
        claimant_hash=uri.uri_hash(uri.normalize(claimant)),
        uri=claimed,
        uri_normalized=normalized,
        uri_hash=uri.uri_hash(normalized),
        type="self-claim" if claimed == claimant else "rel-alternate",
        content_type="",
        user_id=user_id,
        annotation_id=UUID(int=1),
        created=START,
        updated=START,
    )


def _row(corpus: Corpus, documents: dict[str, int], *, span: timedelta, parents: Sequence[UUID]) -> dict[str, Any]:
    some = corpus.random
    created, target = _date(some, span), some.choice(corpus.uris)
    normalized = uri.normalize(target)
    replies = parents and _chance(some, 20)
    sealed = _chance(some, 15)
    quotes = [{"type": "TextQuoteSelector", "exact": text_of(some, 12)} for _ in range(some.choice((0, 1, 1, 2)))]
    return {
        "id": ids.new_annotation_id(now=created),
        "created": created,
        "updated": max(created, _date(some, span)),
        "user_id": some.choice(corpus.users).id,
        "group_id": some.choice([corpus.groups[0].id, some.choice(corpus.groups).id]),
        "document_id": documents[target],
        "text": text_of(some, 40),
        "tags": [" ".join(words_of(some, some.randint(1, 3))) for _ in range(some.choice((0, 1, 1, 2, 4)))],
        "shared": _chance(some, 85),
        "deleted": _chance(some, 3),
        "references": some.sample(parents[-50:], min(len(parents), some.randint(1, 3))) if replies else [],
        "target_uri": target,
        "target_uri_normalized": normalized,
        "target_uri_hash": uri.uri_hash(normalized),
        "target_selectors": orjson.dumps(quotes).decode() if quotes else None,
        "document_version": some.choice((None, None, None, 1, 2)),
        "moderation_status": some.choice((*[None] * 12, *ModerationStatus)),
        "sealed": sealed,
        "revealed_to_id": some.choice(corpus.users).id if sealed and _chance(some, 50) else None,
        "revision": some.randint(1, 5),
    }


def _date(some: random.Random, span: timedelta) -> datetime:
    return START + timedelta(seconds=some.randint(0, int(span.total_seconds())), microseconds=some.choice((0, 0, 1)))


def query(corpus: Corpus) -> tuple[SearchQuery, Principal]:
    """Return the next search and who makes it."""
    some = corpus.random
    sort = some.choice([SortKey.UPDATED, SortKey.CREATED, *SortKey])
    after = _cursor(corpus, sort) if _chance(some, 30) else None
    asked: dict[str, Any] = {}
    for name, make in some.sample(sorted(_FILTERS.items()), some.choice((1, 1, 1, 2, 2, 3))):
        asked[name] = tuple([make(corpus) for _ in range(some.choice((1, 1, 1, 2)))])
    found = SearchQuery(
        **asked,
        top_level_only=_chance(some, 10),
        sort=sort,
        descending=_chance(some, 50),
        limit=some.choice((0, 1, 5, 20, 20, 200)),
        offset=some.choice((0, 0, 0, 1, 7, 100)) if after is None else 0,
        after=after,
    )
    return found, some.choice(corpus.principals)


def _cursor(corpus: Corpus, sort: SortKey) -> Cursor:
    some = corpus.random
    row = some.choice(corpus.rows)
    if sort is SortKey.ID:
        return Cursor(row["id"])
    group = next(group for group in corpus.groups if group.id == row["group_id"])
    user = next(user for user in corpus.users if user.id == row["user_id"])
    userid = ids.make_userid(user.username, user.authority)
    values = {SortKey.GROUP: group.pubid, SortKey.USER: userid, SortKey.CREATED: row["created"]}
    return Cursor(values.get(sort, row["updated"]), row["id"] if _chance(some, 50) else None)


def _words(corpus: Corpus) -> str:
    """Return words as somebody may ask for them: of a text, side by side, or cut out of a run."""
    some = corpus.random
    row = some.choice(corpus.rows)
    text: str = some.choice([row["text"], " ".join(row["tags"]), row["target_selectors"] or "", text_of(some, 3)])
    start = some.randint(0, max(len(text) - 1, 0))
    asked: str = some.choice([" ".join(words_of(some, some.randint(1, 2))), text[start : start + some.randint(1, 12)]])
    return asked


def _simple_query(corpus: Corpus) -> str:
    some = corpus.random
    return "".join([_words(corpus) + some.choice(OPERATORS) for _ in range(some.choice((1, 1, 2, 3, 5)))])


def _wildcard(corpus: Corpus) -> Any:
    some = corpus.random
    host, place = some.choice(HOSTS), some.choice(PLACES)
    cut = some.randint(0, len(place) - 1)
    return parse_wildcard(
        f"{host}/{place[:cut]}{some.choice(('*', '_', '*_', '_*'))}{some.choice(('', place[cut + 1 :]))}"
    )


_FILTERS: Final = {
    "any": _simple_query,
    "groups": lambda corpus: corpus.random.choice([*[group.pubid for group in corpus.groups], "nowherex"]),
    "quote": _words,
    "references": lambda corpus: corpus.random.choice(corpus.rows)["id"],
    "tags": _words,
    "text": _words,
    "uri_parts": lambda corpus: corpus.random.choice([*corpus.uris, "sea", "1984 books", "日本語", "été"]),
    "uris": lambda corpus: parse_versioned(corpus.random.choice(corpus.uris) + corpus.random.choice(SUFFIXES)),
    "users": lambda corpus: UserTerm(
        ids.normalize_username(corpus.random.choice(corpus.users).username), corpus.random.choice((None, AUTHORITY))
    ),
    "wildcard_uris": _wildcard,
}
