"""Pages of the accounts feature."""

from fastapi import APIRouter

from hweb.accounts.pages import claim, deletion, login, password, reset, signup

router = APIRouter(include_in_schema=False)
for part in (login, signup, reset, password, deletion, claim):
    router.include_router(part.router)
