"""The people that an annotation mentions, as the API shows them.

They come with the annotation's own row. For the rows whose text holds no mention, which are nearly all, that costs
one look at a text that is read anyway.
Source: specification of the API, section 1.5; the client's needs, section 2.9.
"""

from typing import Any, Final

import orjson
from sqlalchemy import Text, case, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from hcommon.ids import make_userid
from hcommon.models import Annotation, Mention, User
from hcommon.presentation.links import LinkSettings

MARK: Final = "data-hyp-mention"
"""Attribute that makes a link in an annotation's text a mention."""

_mentioned = aliased(User, name="mentioned")

_all = (
    select(
        cast(
            func.json_agg(
                aggregate_order_by(
                    func.json_build_array(
                        _mentioned.username,
                        _mentioned.authority,
                        Mention.username,
                        _mentioned.display_name,
                        _mentioned.description,
                        func.to_char(
                            func.timezone("UTC", _mentioned.activated_at), 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'
                        ),
                    ),
                    Mention.id,
                )
            ),
            Text,
        )
    )
    .join(_mentioned, _mentioned.id == Mention.user_id)
    .where(Mention.annotation_id == Annotation.id, _mentioned.deleted.is_(False))
    .scalar_subquery()
)

mentions_column = case((func.strpos(Annotation.text, MARK) > 0, _all), else_=None).label("mentions")
"""The mentions of a row as JSON text for `present_mentions`; NULL for none."""


def present_mentions(mentions: str, *, links: LinkSettings) -> list[dict[str, Any]]:
    """Return the JSON values of an annotation's mentions, in the order of its text.

    Args:
        mentions: `mentions_column` of its row.
        links: Where links lead; people of other authorities have no page here.
    """
    return [
        {
            "userid": make_userid(username, authority),
            "original_userid": make_userid(original, authority),
            "username": username,
            "display_name": display_name,
            "link": f"{links.app_url}/users/{username}" if authority == links.authority else None,
            "description": description,
            "joined": joined,
        }
        for username, authority, original, display_name, description, joined in orjson.loads(mentions)
    ]
