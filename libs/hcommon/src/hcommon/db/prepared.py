"""Statements that PostgreSQL parses and plans once a connection instead of at every use.

psycopg2 sends text, so a statement that is asked for often is planned each time; planning a search of a page takes
PostgreSQL as long as running it. A statement marked by `prepared` goes out as `PREPARE` once a connection and as
`EXECUTE` from then on. Mark one whose best plan doesn't depend on its values: a look-up by key, the annotations of a
page; not the annotations of a group, of which one has nearly all and most have few.

A pooler between h and PostgreSQL has to keep a session's connection, as every one does in session mode.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Dialect, Engine, Executable, event
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType

_OPTION: Final = "h_prepared"
_NAMES: Final = "h_prepared_names"
_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s|%%")


StatementT = TypeVar("StatementT", bound=Executable)


def prepared(statement: StatementT) -> StatementT:
    """Mark a statement that is built once and kept, so that its plan is kept too."""
    return statement.execution_options(**{_OPTION: True})


def is_prepared(statement: Executable) -> bool:
    """Return whether a statement is marked."""
    return _OPTION in statement.get_execution_options()


def install(engine: Engine) -> None:
    """Let the engine prepare the statements that are marked."""
    event.listen(engine, "before_cursor_execute", _rewrite, retval=True)


def _rewrite(  # noqa: PLR0917 - SQLAlchemy calls it so
    connection: Connection,
    cursor: Any,
    statement: str,
    parameters: Mapping[str, Any],
    context: ExecutionContext,
    executemany: bool,
) -> tuple[str, Mapping[str, Any]]:
    if executemany or not context.execution_options.get(_OPTION):
        return statement, parameters
    # Of the driver's connection: a new one starts with none.
    executions: dict[str, str] = connection.connection.info.setdefault(_NAMES, {})
    execution = executions.get(statement)
    if execution is None:
        name = f"h_{len(executions) + 1}"
        preparation, execution = _prepare(name, statement, context.compiled, connection.dialect)
        cursor.execute(preparation)
        executions[statement] = execution
    return execution, parameters


def _prepare(name: str, statement: str, compiled: Any, dialect: Dialect) -> tuple[str, str]:
    """Return the text that prepares a statement, and the one that executes it with the same parameters."""
    order: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        parameter = match[1]
        if parameter is None:
            return "%"
        if parameter not in order:
            order.append(parameter)
        return f"${order.index(parameter) + 1}"

    text = _PLACEHOLDER.sub(numbered, statement)
    types = [_type(compiled, parameter, dialect) for parameter in order]
    signature = f" ({', '.join(types)})" if types else ""
    arguments = f"({', '.join(f'%({parameter})s' for parameter in order)})" if order else ""
    return f"PREPARE {name}{signature} AS {text}", f"EXECUTE {name}{arguments}"


def _type(compiled: SQLCompiler, parameter: str, dialect: Dialect) -> str:
    kind = compiled.binds[parameter].type
    if isinstance(kind, NullType):
        return "unknown"
    return kind.compile(dialect=dialect).partition(" COLLATE ")[0]  # parameters have a type and no collation
