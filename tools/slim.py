"""Makes an image's environment smaller: slim.py DIRECTORY, in the build stage of every Dockerfile.

Removes what no process of ours ever loads, together with its bytecode, the symbol tables of libraries, and the sources
of some whose bytecode is enough.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Folders and files below site-packages. Whatever imports one of them fails in the test of the images.
UNUSED = (
    "*/tests",
    "celery/backends/[!_ab]*",  # `base` and `asynchronous` stay: Celery makes a backend that keeps nothing
    "celery/bin",
    "celery/contrib",
    "cffi",  # makes bindings; those that exist need `_cffi_backend` alone
    "elasticsearch/dsl",
    "elasticsearch/esql",
    "elasticsearch/helpers/vectorstore",
    "fastapi/.agents",
    "pycparser",
    "pydantic/v1",
    "pygments/formatters/[!_]*.py",
    "pygments/styles/[!_d]*.py",  # `default` stays
    "sqlalchemy/dialects/mssql",
    "sqlalchemy/dialects/mysql",
    "sqlalchemy/dialects/oracle",
    "sqlalchemy/dialects/sqlite",
    "sqlalchemy/ext/mypy",
    "sqlalchemy/testing",
)
# kombu's ways to brokers; the rest are other people's.
KEPT_TRANSPORTS = ("__init__", "base", "memory", "native_delayed_delivery", "pyamqp", "redis")
# rich asks for a lexer only to show source code.
KEPT_LEXERS = ("__init__", "_mapping", "python", "special", "text")
# Large, and read by nobody in a container: tracebacks name their lines without showing them.
BYTECODE_ONLY = ("cryptography", "dateutil", "elasticsearch", "elastic_transport", "sqlalchemy")
# Of use to compilers and type checkers only.
SOURCES = ("*.c", "*.h", "*.pxd", "*.pyi", "*.pyx")


def main() -> None:
    """Slim the environment and say by how much."""
    site = next(Path(sys.argv[1]).glob("lib/python3*/site-packages"))
    before = size_of(site)
    for path in unused(site):
        remove(path)
    for package in BYTECODE_ONLY:
        drop_sources(site / package)
    strip(site)
    print(f"slim.py: {before / 1e6:.1f} MB before, {size_of(site) / 1e6:.1f} MB after")


def unused(site: Path) -> Iterator[Path]:
    """Yield what goes."""
    for pattern in UNUSED:
        yield from site.glob(pattern)
    yield from (path for path in site.glob("pygments/lexers/*.py") if path.stem not in KEPT_LEXERS)
    yield from (path for path in site.glob("kombu/transport/*.py") if path.stem not in KEPT_TRANSPORTS)
    for pattern in SOURCES:
        yield from site.rglob(pattern)


def remove(path: Path) -> None:
    """Remove a folder, or a file with its bytecode."""
    if path.is_dir():
        shutil.rmtree(path)
        return
    path.unlink(missing_ok=True)
    for bytecode in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        bytecode.unlink()


def drop_sources(package: Path) -> None:
    """Let a package's bytecode take the place of its sources."""
    for bytecode in package.rglob("__pycache__/*.pyc"):
        module = bytecode.parent.parent / bytecode.name.partition(".")[0]
        bytecode.replace(module.with_suffix(".pyc"))
        module.with_suffix(".py").unlink(missing_ok=True)


def strip(site: Path) -> None:
    """Drop symbol tables; libraries that a wheel brought along were relocated, which stripping would break."""
    libraries = [path for path in site.rglob("*.so") if not path.parent.name.endswith(".libs")]
    if libraries:
        subprocess.run(["strip", "--strip-unneeded", *libraries], check=True)


def size_of(directory: Path) -> int:
    """Return the bytes of all files below."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file() and not path.is_symlink())


if __name__ == "__main__":
    main()
