"""Statements that are prepared once a connection."""

from hcommon.db.engine import Database
from hcommon.db.prepared import prepared
from hcommon.models import Group
from hcommon.testing.factories import make_group
from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select, text

_named = prepared(select(Group.name).where(Group.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))))


class TestPrepared:
    def test_one_with_an_array_is_planned_once_however_often_it_is_asked(self, rolled_back: Database) -> None:
        with rolled_back.transaction() as session:
            for number in range(10):
                session.execute(_named, {"ids": [number]})
            plans = session.execute(
                text("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE :mine"),
                {"mine": 'PREPARE h%AS SELECT "group".name%'},
            ).one()
        assert plans.generic_plans >= 10
        assert plans.custom_plans == 0

    def test_in_a_session_it_sees_what_the_session_has_not_written_yet(self, rolled_back: Database) -> None:
        with rolled_back.transaction() as session:
            group = make_group(session)
            group.name = "Renamed"
            assert session.execute(_named, {"ids": [group.id]}).scalar_one() == "Renamed"
