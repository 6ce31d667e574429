"""Every kind of failure of every operation that may fail so, and none of those that the document does not name.

Whether an answer is as described is seen to by the `client` of these tests, as in all others.

Source: specification of the API, section 1.1; RFC 9110, section 15.5.
"""

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hcommon.db.engine import Database
from hcommon.ratelimit import Limit, RateLimitedError, RateLimiter
from hweb import apilimits
from hweb.middleware import MAX_BODY_BYTES
from hweb.openapi import JSON_TYPE
from hweb.resources import Resources
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.contract.cases import CASES, Case, World, operations
from tests.contract.test_shapes import FAILURE, assert_shape

LIMITS = [limit for limit in vars(apilimits).values() if isinstance(limit, Limit)]
# A search that the index answers: one of a page is not counted.
COUNTED = CASES | {"search": Case("GET", "/api/search?any=word", FAILURE)}
NEED_NO_DATABASE = {"index", "links", "oauth_metadata", "analytics_events_create", "annotation_reindex"}
NEEDING = CASES | {
    "oauth_token": replace(CASES["oauth_token"], form={"grant_type": "refresh_token", "refresh_token": "4657-x"})
}


def that_answer(status: int) -> list[str]:
    return sorted(name for name, said in operations().items() if str(status) in said["responses"])


def that_take(*media_types: str) -> list[str]:
    taken = {name: said.get("requestBody", {}).get("content", {}).keys() for name, said in operations().items()}
    return sorted(name for name, types in taken.items() if types and (not media_types or types & {*media_types}))


@pytest.fixture
def world(client: TestClient, session: Session, application: dict[str, str]) -> World:
    made = World(client, session, application)
    credentials = base64.b64decode(application["Authorization"].removeprefix("Basic ")).decode()
    made.subjects.append(f"client:{credentials.partition(':')[0]}")
    return made


class TestFailures:
    @pytest.mark.parametrize(
        "name", [name for name, said in sorted(operations().items()) if {} not in said["security"]]
    )
    def test_of_whoever_proves_nothing_where_something_is_to_be_proved(self, world: World, name: str) -> None:
        answer = world.send(replace(CASES[name], who="nobody"))
        assert answer.status_code == (401 if name == "debug_token" else 404)

    @pytest.mark.parametrize("name", that_take(JSON_TYPE))
    @pytest.mark.parametrize("text", ["{", "[]", '"x"', "null"])
    def test_of_bodies_that_are_no_json(self, world: World, name: str, text: str) -> None:
        case = replace(CASES[name], body=None, text=text, shape=FAILURE, status=400, lines=False)
        assert_shape(world.answer(case), FAILURE)

    @pytest.mark.parametrize("name", that_take())
    def test_of_bodies_that_are_too_long(self, world: World, name: str) -> None:
        answer = world.send(CASES[name], headers={"Content-Length": str(MAX_BODY_BYTES + 1)})
        assert answer.status_code == 413
        assert_shape(answer.json(), FAILURE)

    @pytest.mark.parametrize("name", sorted(CASES))
    def test_of_versions_that_there_are_not(self, world: World, name: str) -> None:
        answer = world.send(CASES[name], headers={"Accept": "application/vnd.hypothesis.v3+json"})
        versioned = name in that_answer(406)
        assert answer.status_code == (406 if versioned else CASES[name].status)
        if versioned:
            assert_shape(answer.json(), FAILURE)

    @pytest.mark.parametrize("name", sorted(CASES))
    def test_of_who_asks_too_much_say_when_to_try_again(self, world: World, resources: Resources, name: str) -> None:
        limiter = RateLimiter(resources.redis)
        for limit in LIMITS:
            for subject in world.subjects:
                for attempts in (1_000, 100, 10, 1):
                    with suppress(RateLimitedError):
                        while True:
                            limiter.count(limit, subject, now=resources.clock.now(), attempts=attempts)
        answer = world.send(COUNTED[name])
        if name not in that_answer(429):
            assert answer.status_code == CASES[name].status
            return
        assert answer.status_code == 429, answer.text
        assert_shape(answer.json(), FAILURE)
        assert 1 <= int(answer.headers["Retry-After"]) <= 300

    @pytest.mark.parametrize("name", sorted(CASES.keys() - NEED_NO_DATABASE))
    def test_of_what_is_away_say_when_to_try_again(
        self, world: World, make_client: Callable[..., TestClient], name: str
    ) -> None:
        nowhere = Database("postgresql://h:h@127.0.0.1:1/h", pool_size=1)
        answer = world.send(NEEDING[name], client=make_client(database=nowhere))
        assert answer.status_code == 503, answer.text
        assert_shape(answer.json(), FAILURE)
        assert int(answer.headers["Retry-After"]) >= 1
