"""How often a process looks for garbage in cycles."""

import gc
from typing import Final

NEW_OBJECTS: Final = 20_000
"""Containers that are new since the last look before it looks again; some megabytes at most."""


def look_rarely() -> None:
    """Leave alone what is there for good, and make each look worth while; call it once all is loaded.

    A service holds some hundred thousand objects from its start to its end. With Python's own threshold of 700 the
    looks through them took a tenth of a web process' time, and the longest stopped it for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
