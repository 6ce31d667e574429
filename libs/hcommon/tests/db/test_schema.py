"""The schema's version and its agreement with the models."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.testing.factories import make_annotation, make_user
from sqlalchemy import create_engine, text


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", "hcommon:migrations")
    return config


INDEXING = """
from alembic import op

revision = "9999"
down_revision = "{0}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("ix_of_a_test", "annotation", ["text"], postgresql_concurrently=True)
"""


class TestMigrations:
    def test_may_build_an_index_while_others_write(
        self, fresh_database_url: str, fresh_database: Database, tmp_path: Path
    ) -> None:
        (tmp_path / "9999_index.py").write_text(INDEXING.format(schema.REVISION))
        config = alembic_config()
        ours = ScriptDirectory.from_config(config).versions
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", f"{ours}\n{tmp_path}")
        engine = create_engine(fresh_database_url)
        with fresh_database.transaction() as session:
            make_annotation(session, user=make_user(session))
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        engine.dispose()
        with fresh_database.read() as connection:
            assert schema.current_revision(connection) == "9999"
            assert connection.execute(
                text("SELECT indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname = 'ix_of_a_test'")
            ).scalar_one()


class TestRevision:
    def test_is_the_newest_migration(self) -> None:
        assert ScriptDirectory.from_config(alembic_config()).get_current_head() == schema.REVISION

    def test_models_and_migrations_describe_the_same_schema(self, fresh_database_url: str) -> None:
        config = alembic_config()
        engine = create_engine(fresh_database_url)
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.check(config)
        engine.dispose()


class TestCheck:
    def test_passes_on_a_migrated_database(self, fresh_database: Database) -> None:
        with fresh_database.read() as connection:
            schema.check(connection)

    def test_names_both_versions_of_an_older_one(self, fresh_database: Database) -> None:
        with fresh_database.read() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
            with pytest.raises(schema.SchemaVersionError, match=f"at 0000, this release needs {schema.REVISION}"):
                schema.check(connection)

    def test_says_so_when_nothing_was_ever_migrated(self, postgres_server_url: str) -> None:
        empty = Database(postgres_server_url, pool_size=1)
        with empty.read() as connection, pytest.raises(schema.SchemaVersionError, match="at nothing"):
            schema.check(connection)
        empty.close()

    def test_accepts_a_newer_one_since_migrations_expand_first(self, fresh_database: Database) -> None:
        with fresh_database.read() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            schema.check(connection)
