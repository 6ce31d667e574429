"""How many ask the provider at once."""

import asyncio

import pytest
from hweb.oidc.places import Places, ProviderBusyError


class TestPlaces:
    def test_are_given_to_others_when_they_are_free_again(self) -> None:
        async def run() -> list[str]:
            places, order = Places(1), []

            async def visit(name: str) -> None:
                async with places.taken():
                    order.append(f"{name} in")
                    await asyncio.sleep(0)
                    order.append(f"{name} out")

            await asyncio.gather(visit("a"), visit("b"))
            return order

        assert asyncio.run(run()) == ["a in", "a out", "b in", "b out"]

    def test_are_not_waited_for_without_end(self) -> None:
        async def run() -> None:
            places = Places(1, patience_seconds=0.01)
            async with places.taken(), places.taken():
                pass

        with pytest.raises(ProviderBusyError):
            asyncio.run(run())

    def test_are_free_again_after_a_failure(self) -> None:
        async def run() -> None:
            places = Places(1, patience_seconds=0.01)
            with pytest.raises(ValueError, match="x"):
                async with places.taken():
                    raise ValueError("x")
            async with places.taken():
                pass

        asyncio.run(run())
