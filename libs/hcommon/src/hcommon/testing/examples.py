"""How many examples a property is tried with: some in an ordinary run, four times as many in a thorough one.

Profiles of hypothesis, `quick` unless `pytest --hypothesis-profile=thorough` (`make test HYPOTHESIS_PROFILE=thorough`)
asks for the other. Both assert the same; the ordinary run draws other examples each time.
"""

from typing import Final

from hypothesis import HealthCheck, settings

QUICK: Final = "quick"
THOROUGH: Final = "thorough"
_MANY: Final = 100
_SOME: Final = 25


def register() -> None:
    """Make both profiles known, and the quick one current; neither fails a test because the machine is busy."""
    for name, number in ((QUICK, _SOME), (THOROUGH, _MANY)):
        settings.register_profile(
            name, max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
    settings.load_profile(QUICK)


def examples(thorough: int) -> int:
    """Return `max_examples` for a test that wants so many of them in a thorough run."""
    return max(1, thorough * settings.get_profile(settings.get_current_profile_name()).max_examples // _MANY)
