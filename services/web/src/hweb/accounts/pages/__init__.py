"""Pages of the accounts feature."""

from fastapi import APIRouter

from hweb.accounts.pages import claim, login, signup

router = APIRouter(include_in_schema=False)
for part in (login, signup, claim):
    router.include_router(part.router)
