"""The API does what its OpenAPI document says, whatever is sent: no bug, no status and no shape that is not in it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models.group import Role
from hcommon.testing.examples import examples
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
)
from hweb.app import create_site
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

EXAMPLES = examples(16)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CLIENT_AUTHORITY = "lms.test"


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes | None:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else None


def _schema() -> Any:
    return schemathesis.openapi.from_dict(create_site().openapi())


def _can_be_wrong(operation: Any) -> bool:
    """Tell whether a request can break what the document says; every text fits into a path or a header."""
    places = {part.location.value for part in operation.iter_parameters()}
    return bool(operation.body) or bool(places - {"path", "header"})


CASES = [
    pytest.param(operation, mode, id=f"{operation.label}-{mode.value}")
    for operation in (found.ok() for found in _schema().get_all_operations())
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or _can_be_wrong(operation)
]

Headers = dict[str, str]


class World:
    """Names that mean something, and credentials."""

    def __init__(self, session: Session, basic_auth: Callable[..., Headers]) -> None:
        make_world_group(session)
        user, other = make_user(session), make_user(session)
        lms_user = make_user(session, authority=CLIENT_AUTHORITY)
        group = make_group(session)
        add_member(session, group=group, user=user, role=Role.OWNER)
        add_member(session, group=group, user=other)
        own = make_annotation(session, user=user, group=group)
        judged = make_annotation(session, user=other, group=group)
        session.flush()
        self.ids = {
            "annotation_id": [annotation_id_to_urlsafe(own.id), annotation_id_to_urlsafe(judged.id)],
            "group_id": [group.pubid, "__world__"],
            "userid": [
                "me",
                f"acct:{other.username}@{other.authority}",
                f"acct:{lms_user.username}@{CLIENT_AUTHORITY}",
            ],
            "username": [lms_user.username],
        }
        self.credentials: list[Headers] = [
            {"Authorization": f"Bearer {make_access_token(session, user=user)}"},
            basic_auth(CLIENT_AUTHORITY, capabilities=["bulk"]),
            {},
        ]
        session.flush()


@pytest.fixture
def world(session: Session, basic_auth: Callable[..., Headers]) -> World:
    return World(session, basic_auth)


def send(client: TestClient, case: Case, headers: Headers) -> Any:
    arguments = case.as_transport_kwargs(base_url=str(client.base_url))
    arguments.pop("cookies", None)
    given = {name: value.encode("latin-1") for name, value in (arguments["headers"] or {}).items()}
    arguments["headers"] = given | {name: value.encode() for name, value in headers.items()}
    if not isinstance(arguments.get("data", {}), dict):
        arguments["content"] = arguments.pop("data")
    return client.request(**{name: value for name, value in arguments.items() if value is not None})


class TestConformance:
    @pytest.mark.parametrize(("operation", "mode"), CASES)
    def test_answers_are_as_described(
        self, client: TestClient, session: Session, world: World, operation: Any, mode: GenerationMode
    ) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), draw=st.data())
        def check(case: Case, draw: st.DataObject) -> None:
            for name in case.path_parameters or {}:
                known = draw.draw(st.sampled_from([*world.ids[name], None]))
                if known is not None:
                    case.path_parameters[name] = quote(known, safe="")
            headers = world.credentials[draw.draw(st.sampled_from(range(len(world.credentials))))]
            with session.connection().begin_nested() as savepoint:
                case.validate_response(send(client, case, headers), checks=CHECKS)
                savepoint.rollback()

        check()
