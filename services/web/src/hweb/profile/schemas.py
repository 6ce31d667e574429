"""Preferences as clients send them, with every rule about their form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NotRequired

import orjson
from hcommon.errors import HError
from pydantic import Field
from typing_extensions import TypedDict

from hweb.annotations.shapes import UserInfo

FLAGS: Final = frozenset({"show_sidebar_tutorial", "show_youtube_gdpr_banner"})
SHORTCUTS: Final = "shortcuts_preferences"
SHORTCUT_ACTIONS: Final = frozenset(
    {
        "activatePoint",
        "activateRectMove",
        "activateRectResize",
        "annotateSelection",
        "applyUpdates",
        "hideAdder",
        "highlightSelection",
        "openKeyboardShortcuts",
        "openSearch",
        "showSelection",
        "toggleHighlights",
    }
)
MAX_SHORTCUT_CHARACTERS: Final = 64


class InvalidPreferencesError(HError):
    """The preferences are not of the form that the API describes."""


@dataclass(frozen=True, slots=True)
class PreferenceChanges:
    """What is to change; everything else stays.

    Attributes:
        flags: New values of the switches.
        has_shortcuts: Whether the shortcuts are to be replaced.
        shortcuts: Their JSON, or None to go back to the client's own.
    """

    flags: Mapping[str, bool]
    has_shortcuts: bool = False
    shortcuts: str | None = None


def parse(body: Mapping[str, Any]) -> PreferenceChanges:
    """Return the changes that a request body asks for; keys beside `preferences` are ignored.

    Source: specification of the API, section 1.13.

    Raises:
        InvalidPreferencesError: A preference is unknown or has a value that it cannot have.
    """
    preferences = body.get("preferences", {})
    if not isinstance(preferences, dict):
        raise InvalidPreferencesError("preferences: must be an object")
    if unknown := sorted(preferences.keys() - FLAGS - {SHORTCUTS}):
        raise InvalidPreferencesError(f"preferences: there is no preference {', '.join(unknown)}")
    flags = {name: value for name, value in preferences.items() if name != SHORTCUTS}
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise InvalidPreferencesError(f"preferences.{name}: must be true or false")
    if SHORTCUTS not in preferences:
        return PreferenceChanges(flags)
    return PreferenceChanges(flags, has_shortcuts=True, shortcuts=_shortcuts(preferences[SHORTCUTS]))


def _shortcuts(value: object) -> str | None:
    if value is None:
        return None
    where = f"preferences.{SHORTCUTS}"
    if not isinstance(value, dict):
        raise InvalidPreferencesError(f"{where}: must be an object or null")
    if unknown := sorted(value.keys() - SHORTCUT_ACTIONS):
        raise InvalidPreferencesError(f"{where}: there is no action {', '.join(unknown)}")
    keys = [key for key in value.values() if key is not None]
    if not all(isinstance(key, str) and len(key) <= MAX_SHORTCUT_CHARACTERS for key in keys):
        raise InvalidPreferencesError(
            f"{where}: a shortcut is null or text of at most {MAX_SHORTCUT_CHARACTERS} characters"
        )
    if len(set(keys)) < len(keys):
        raise InvalidPreferencesError(f"{where}: two actions have the same shortcut")
    return orjson.dumps(value).decode()


Shortcut = Annotated[str, Field(max_length=MAX_SHORTCUT_CHARACTERS)] | None


class Shortcuts(TypedDict, total=False):
    """Keys by action; null for none. No two actions may have the same."""

    activatePoint: Shortcut
    activateRectMove: Shortcut
    activateRectResize: Shortcut
    annotateSelection: Shortcut
    applyUpdates: Shortcut
    hideAdder: Shortcut
    highlightSelection: Shortcut
    openKeyboardShortcuts: Shortcut
    openSearch: Shortcut
    showSelection: Shortcut
    toggleHighlights: Shortcut


class Preferences(TypedDict, total=False):
    """What a user has chosen; a switch that is off is left out of answers."""

    show_sidebar_tutorial: bool
    show_youtube_gdpr_banner: bool
    shortcuts_preferences: Shortcuts | None


class ProfileUpdate(TypedDict, total=False):
    """What is to change; preferences that are not named stay."""

    preferences: Preferences


class ProfileGroup(TypedDict):
    """A group of the user; those that not everybody may read have a page here."""

    name: str
    id: str
    public: bool
    url: NotRequired[str]


class Profile(TypedDict):
    """Who the caller is; nobody without a userid."""

    userid: str | None
    authority: str
    groups: list[ProfileGroup]
    features: dict[str, bool]
    preferences: Preferences
    user_info: NotRequired[UserInfo]
