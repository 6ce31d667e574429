"""Finding connections, and forgetting them."""

from typing import Any
from uuid import UUID, uuid4

from hcommon.auth import Principal
from hcommon.uri import normalize, uri_hash
from hwebsocket.connection import Connection, Limits
from hwebsocket.filters import Filter, Subject, parse_filter
from hwebsocket.registry import _REMEMBERED_CHANGES, _REMEMBERED_GRANTS, Registry
from hypothesis import given
from hypothesis import strategies as st

LIMITS = Limits(message_bytes=1000, messages_per_second=10, queue_bytes=1000)
ANNOTATION, PARENT = UUID(int=1), UUID(int=2)


def connection(user_id: int | None = None, grant_id: UUID | None = None) -> Connection:
    principal = Principal(user_id=user_id, grant_id=grant_id)
    nothing: Any = None  # neither socket nor stream is used here
    return Connection(socket=nothing, stream=nothing, principal=principal, limits=LIMITS)


def wanted(**fields: Any) -> Filter:
    clauses = [{"field": f"/{name}", "value": value} for name, value in fields.items()]
    return parse_filter({"match_policy": "include_any", "clauses": clauses, "actions": {}})


def subject(target: str = "https://a.com/x", *others: str, **changes: Any) -> Subject:
    values: dict[str, Any] = {
        "annotation_id": ANNOTATION,
        "references": (PARENT,),
        "group_pubid": "abc",
        "target_uri_hash": uri_hash(normalize(target)),
        "document_uri_hashes": frozenset(uri_hash(normalize(uri)) for uri in (target, *others)),
        "canonical_uris": frozenset(),
        "version": 0,
    }
    return Subject(**(values | changes))


def is_found(filter_: Filter, subject_: Subject) -> bool:
    registry, one = Registry(), connection()
    registry.add(one)
    registry.subscribe(one, filter_)
    return registry.wanting(subject_) == {one}


class TestWanting:
    def test_finds_by_group_id_reference_and_page(self) -> None:
        assert is_found(wanted(group="abc"), subject())
        assert is_found(Filter({}, frozenset({ANNOTATION}), frozenset(), frozenset()), subject())
        assert is_found(Filter({}, frozenset(), frozenset({PARENT}), frozenset()), subject())
        assert is_found(wanted(uri="https://a.com/x"), subject())

    def test_does_not_find_others(self) -> None:
        assert not is_found(wanted(group="xyz", uri="https://a.com/y"), subject())
        assert not is_found(Filter({}, frozenset({PARENT}), frozenset({ANNOTATION}), frozenset()), subject())

    def test_finds_by_any_uri_of_the_document_however_it_is_spelt(self) -> None:
        made = subject("https://a.com/x", "urn:x-pdf:1", "https://b.com/y")
        assert is_found(wanted(uri="urn:x-pdf:1"), made)
        assert is_found(wanted(uri="http://B.com/y/#top"), made)

    def test_finds_a_version_only_where_it_is_asked_for(self) -> None:
        second = subject(version=2)
        assert not is_found(wanted(uri="https://a.com/x"), second)
        assert not is_found(wanted(uri="https://a.com/x:v1"), second)
        assert is_found(wanted(uri="https://a.com/x:v1:v2"), second)
        assert is_found(wanted(uri="https://a.com/x:all"), second)

    def test_finds_the_unversioned_by_zero_none_and_all(self) -> None:
        assert is_found(wanted(uri="https://a.com/x:v0"), subject())
        assert is_found(wanted(uri="https://a.com/x:all"), subject())
        assert not is_found(wanted(uri="https://a.com/x:v1"), subject())

    def test_asking_for_exactly_a_canonical_address_means_what_was_made_there(self) -> None:
        home = "https://a.com/"
        elsewhere = subject("https://a.com/x", home, canonical_uris=frozenset({home}))
        there = subject(home, "https://a.com/x", canonical_uris=frozenset({home}))
        assert not is_found(wanted(uri=home), elsewhere)
        assert is_found(wanted(uri="http://a.com"), elsewhere)
        assert is_found(wanted(uri=[home, "http://a.com"]), elsewhere)
        assert is_found(wanted(uri=home), there)
        assert is_found(wanted(uri="https://a.com/x"), there)

    def test_a_connection_without_filter_hears_of_nothing(self) -> None:
        registry = Registry()
        registry.add(connection())
        assert not registry.is_anybody_listening
        assert registry.wanting(subject()) == set()


class TestSubscribe:
    def test_a_new_filter_takes_the_place_of_the_old_one(self) -> None:
        registry, one = Registry(), connection()
        registry.add(one)
        registry.subscribe(one, wanted(group="abc", uri="https://a.com/x"))
        registry.subscribe(one, wanted(group="xyz"))
        assert registry.wanting(subject()) == set()
        assert registry.wanting(subject(group_pubid="xyz")) == {one}

    def test_a_connection_that_is_gone_gets_none(self) -> None:
        registry, one = Registry(), connection()
        registry.subscribe(one, wanted(group="abc"))
        assert registry.wanting(subject()) == set()
        assert not registry.is_anybody_listening


class TestOwners:
    def test_are_found_by_user_and_grant(self) -> None:
        registry, grant = Registry(), uuid4()
        phone, laptop, other = connection(7, grant), connection(7, uuid4()), connection(8, uuid4())
        for one in (phone, laptop, other, connection()):
            registry.add(one)
        assert registry.by_user(7) == {phone, laptop}
        assert registry.revoke(grant) == {phone}
        assert registry.authenticated == 3
        assert len(registry) == 4

    def test_a_revoked_grant_is_remembered_for_handshakes_under_way(self) -> None:
        registry, first = Registry(), uuid4()
        assert registry.revoke(first) == frozenset()
        assert registry.is_revoked(first)
        assert not registry.is_revoked(uuid4())
        assert not registry.is_revoked(None)

    def test_only_the_latest_grants_are_remembered(self) -> None:
        registry = Registry()
        grants = [UUID(int=number) for number in range(_REMEMBERED_GRANTS + 1)]
        for grant in grants:
            registry.revoke(grant)
        assert not registry.is_revoked(grants[0])
        assert registry.is_revoked(grants[1])


values = st.lists(st.sampled_from(["https://a.com/x", "https://a.com/x:v2:all", "http://a.com/x", "urn:1"]), max_size=3)
steps = st.lists(
    st.tuples(st.integers(0, 3), st.none() | st.fixed_dictionaries({}, optional={"uri": values, "group": values})),
    max_size=30,
)


class TestLeaks:
    @given(steps=steps)
    def test_when_all_connections_are_gone_nothing_is_left_of_them(
        self, steps: list[tuple[int, dict[str, Any] | None]]
    ) -> None:
        registry = Registry()
        empty = {name: _size(value) for name, value in vars(registry).items()}
        connections = [connection(number % 2 or None, UUID(int=number)) for number in range(4)]
        for number, fields in steps:
            if fields is None:
                registry.remove(connections[number])
            else:
                if connections[number] not in set(registry):
                    registry.add(connections[number])
                registry.subscribe(connections[number], wanted(**fields))
        for one in connections:
            registry.remove(one)
        assert {name: _size(value) for name, value in vars(registry).items()} == empty


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


class TestChanges:
    def test_are_known_by_user_and_number(self) -> None:
        registry = Registry()
        before = registry.last_change
        registry.note_change(1)
        after = registry.last_change
        assert registry.has_changed(1, since=before)
        assert not registry.has_changed(1, since=after)
        assert not registry.has_changed(2, since=before)
        assert not registry.has_changed(None, since=before)

    def test_that_are_too_many_to_remember_may_be_anybodys(self) -> None:
        registry = Registry()
        for user_id in range(_REMEMBERED_CHANGES + 1):
            registry.note_change(user_id)
        assert registry.has_changed(-1, since=0)
        assert not registry.has_changed(-1, since=1)
