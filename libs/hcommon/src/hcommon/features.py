"""Feature flags: what clients are told that this server has, and for whom that is switched.

A flag is as this release has it until somebody who runs the site switches it (`h feature`); from then on it is on for
whom they say, and off for everybody else. No request switches a flag for itself.
Source: specification of the API, sections 1.13 and 2.9.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Label, Text, bindparam, cast, exists, false, func, select
from sqlalchemy.orm import Session

from hcommon.auth import Principal
from hcommon.models import Feature, FeatureCohortFeature, FeatureCohortMember

FEATURES: Final[Mapping[str, bool]] = {
    "client_display_names": True,
    "client_user_profile": False,
    "embed_cachebuster": False,
    "group_members": False,
    "group_moderation": False,
    "pre_moderation": False,
    "group_type": False,
    "html_image_annotation": False,
    "image_descriptions": True,
    "pdf_custom_text_layer": False,
    "pdf_image_annotation": True,
    "styled_highlight_clusters": False,
    "at_mentions": False,
    "log_in_with_orcid": False,
    "log_in_with_google": False,
    "log_in_with_facebook": False,
    "vpat_keyboard": False,
}
"""Every flag that clients may look for, and whether this server has what it stands for."""

_SINCE_CLIENT: Final[Mapping[str, tuple[int, ...]]] = {"pdf_image_annotation": (1, 1633, 0)}
_VERSION: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")


def switched(user_id: Any | None) -> Label[str | None]:
    """Return a column with all that was switched, for `evaluate`; NULL when nothing was.

    Args:
        user_id: The parameter or column that says whose cohorts count; None for nobody's.
    """
    in_cohort: Any = false()
    if user_id is not None:
        in_cohort = exists().where(
            FeatureCohortFeature.feature_name == Feature.name,
            FeatureCohortMember.cohort_id == FeatureCohortFeature.cohort_id,
            FeatureCohortMember.user_id == user_id,
        )
    states = func.json_build_array(Feature.everyone, Feature.first_party, Feature.admins, Feature.staff, in_cohort)
    return select(cast(func.json_object_agg(Feature.name, states), Text)).scalar_subquery().label("switched")


_switched_for_user = select(switched(bindparam("user_id")))
_switched_for_anybody = select(switched(None))


def evaluate(stored: str | None, *, principal: Principal, site_authority: str) -> dict[str, bool]:
    """Return the state of every flag for a principal.

    Args:
        stored: The value of the column `switched`.
        principal: For whom.
        site_authority: The site's own authority.
    """
    is_first_party = principal.user_id is not None and principal.authority == site_authority
    states = dict(FEATURES)
    for name, (everyone, first_party, admins, staff, cohort) in (orjson.loads(stored) if stored else {}).items():
        if name in states:
            states[name] = (
                everyone
                or (first_party and is_first_party)
                or (admins and principal.admin)
                or (staff and principal.staff)
                or cohort
            )
    return states


def is_on(connection: Connection | Session, name: str, *, principal: Principal, site_authority: str) -> bool:
    """Return whether a flag is on for a principal."""
    if principal.user_id is None:
        stored = connection.execute(_switched_for_anybody).scalar()
    else:
        stored = connection.execute(_switched_for_user, {"user_id": principal.user_id}).scalar()
    return evaluate(stored, principal=principal, site_authority=site_authority)[name]


def for_client(states: Mapping[str, bool], *, version: str | None) -> dict[str, bool]:
    """Return the states without what a client of this version cannot do; of an unknown version it can everything.

    Source: specification of the API, section 2.9 (`Hypothesis-Client-Version`).
    """
    found = _VERSION.fullmatch(version or "")
    if found is None:
        return dict(states)
    has = tuple(int(part) for part in found.groups())
    return {name: state and has >= _SINCE_CLIENT.get(name, ()) for name, state in states.items()}
