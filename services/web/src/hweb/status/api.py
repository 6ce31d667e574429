"""`/_status`, `/livez` and `/readyz`."""

from ipaddress import ip_address

from fastapi import APIRouter, Request
from hcommon.health import run_checks
from starlette.responses import Response

from hweb.deps import ResourcesDep
from hweb.responses import JSON
from hweb.status import checks

router = APIRouter()

_WORDS = {True: "okay", False: "failing"}
NEVER_CACHE = {"Cache-Control": "max-age=0, must-revalidate, no-cache, no-store"}


@router.get("/_status", name="status", include_in_schema=False)
def status(held: ResourcesDep) -> Response:
    """Answer whether the database can be reached; 503 otherwise."""
    with held.database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return JSON({"status": "okay"}, headers=NEVER_CACHE)


@router.get("/livez", name="livez", include_in_schema=False)
async def livez() -> Response:
    """Answer that the process runs; looks at nothing else."""
    return JSON({"status": "okay"}, headers=NEVER_CACHE)


@router.get("/readyz", name="readyz", include_in_schema=False)
def readyz(request: Request, held: ResourcesDep) -> Response:
    """Answer with every dependency's state; 503 while one that requests cannot do without is away.

    Addresses of the internet hear only whether it is ready: how the rest is doing is not theirs to know, and finding
    that out costs a search.
    """
    needed = run_checks(checks.required(held))
    if _is_of_the_internet(request):
        well = all(result.ok for result in needed.values())
        return JSON({"status": _WORDS[well]}, status_code=200 if well else 503, headers=NEVER_CACHE)
    others = run_checks(checks.advisory(held, now=held.clock.now()))
    ready = all(result.ok for result in needed.values())
    body = {
        "status": _WORDS[ready],
        "checks": {name: result.as_dict() for name, result in needed.items()},
        "advisory": {name: result.as_dict() for name, result in others.items()},
    }
    return JSON(body, status_code=200 if ready else 503, headers=NEVER_CACHE)


def _is_of_the_internet(request: Request) -> bool:
    try:
        return ip_address(request.client.host if request.client else "").is_global
    except ValueError:
        return False
