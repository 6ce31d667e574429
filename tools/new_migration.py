"""`make migration MESSAGE="…"`: writes the next migration by comparing the models with a freshly migrated database."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from hcommon.db import schema
from hstandalone.postgres import EmbeddedPostgres
from sqlalchemy import create_engine, make_url


def main() -> None:
    """Write the file and print its name."""
    if len(sys.argv) != 2 or not sys.argv[1].strip():  # noqa: PLR2004 - the program and its one argument
        raise SystemExit('usage: make migration MESSAGE="what changes"')
    with tempfile.TemporaryDirectory(prefix="h-migration-") as directory:
        Path(directory).chmod(0o711)  # PostgreSQL runs as an account of its own when we are root
        with EmbeddedPostgres(Path(directory) / "postgres", durable=False) as server:
            engine = create_engine(make_url(server.url).set(drivername="postgresql+psycopg2"))
            with engine.connect() as connection:
                config = Config()
                config.set_main_option("script_location", "hcommon:migrations")
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                number = f"{int(schema.REVISION) + 1:04d}"
                command.revision(config, message=sys.argv[1], rev_id=number, autogenerate=True)
            engine.dispose()
    print(f"Now read it, and set REVISION = {number!r} in hcommon/db/schema.py.")


if __name__ == "__main__":
    main()
