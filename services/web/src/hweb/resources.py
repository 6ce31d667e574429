"""What the process holds for all requests."""

from dataclasses import dataclass, field

from hcommon.clock import Clock
from hcommon.crypto import KeyRing
from hcommon.db.engine import Database
from hcommon.metrics import Metrics
from hcommon.presentation.annotation import LinkSettings
from hcommon.search.backend import SearchBackend
from redis import Redis

from hweb.opening import Opening
from hweb.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """Built once in `app.build_resources`, read through `deps`.

    Attributes:
        redis: Sessions, rate limits and caches.
        links: Where the links of annotations lead.
        opening: Whether requests are let in yet.
    """

    settings: Settings
    database: Database
    redis: Redis
    search: SearchBackend
    clock: Clock
    metrics: Metrics
    keys: KeyRing
    links: LinkSettings
    opening: Opening = field(default_factory=Opening)
