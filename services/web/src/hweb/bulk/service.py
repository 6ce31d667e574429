"""Does jobs: users, groups and memberships, a handful of statements for each hundred commands of a kind."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from hcommon import outbox
from hcommon.events.groups import GroupUpdated, MembershipCreated
from hcommon.ids import (
    GROUP_PUBID_LENGTH,
    USER_PUBID_LENGTH,
    make_groupid,
    make_userid,
    new_pubid,
    normalize_username,
    split_userid,
)
from hcommon.models import Group, GroupMembership, User, UserIdentity
from hcommon.models.group import JoinableBy, ReadableBy, Role, WriteableBy
from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.bulk.errors import ConflictingDataError, InvalidDeclarationError
from hweb.bulk.schemas import BATCH, Anchors, Done, GroupUpsert, Job, MembershipCreate, UserUpsert
from hweb.users.schemas import IdentityKey

_LOCK: Final = 0x62_75_6C_6B  # any number of our own


def execute(session: Session, *, job: Job, authority: str, now: datetime) -> list[Done]:
    """Do all commands of a job and return what each made or found, in their order.

    Raises:
        InvalidDeclarationError: The effective user or an anchor is not there.
        ConflictingDataError: An identity is another user's, or a user is being deleted.
    """
    # One job of an authority at a time: two that name the same users in another order would wait for each other.
    session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(authority))))
    run = _Run(session, authority=authority, now=now)
    run.find_effective_user(job.configuration.effective_userid)
    done: list[Done] = []
    for line, batch in _batches(job):
        match batch[0]:
            case UserUpsert():
                done += run.users([command for command in batch if isinstance(command, UserUpsert)])
            case GroupUpsert():
                done += run.groups([command for command in batch if isinstance(command, GroupUpsert)])
            case MembershipCreate():
                members = [command for command in batch if isinstance(command, MembershipCreate)]
                done += run.memberships(members, line=line)
    return done


def _batches(job: Job) -> Iterator[tuple[int, Sequence[object]]]:
    """Return runs of commands of one kind, cut at `BATCH`, with the line that each begins at."""
    line = 1
    for _, group in groupby(job.commands, key=type):
        commands = list(group)
        for start in range(0, len(commands), BATCH):
            batch = commands[start : start + BATCH]
            yield line, batch
            line += len(batch)


class _Run:
    """One job, as far as it has come."""

    def __init__(self, session: Session, *, authority: str, now: datetime) -> None:
        self._session = session
        self._authority = authority
        self._now = now
        self._creator_id: int | None = None
        self._user_ids: dict[str, int] = {}
        self._group_ids: dict[str, int] = {}

    def find_effective_user(self, userid: str) -> None:
        """Look up who owns the groups that are made."""
        found = select(User.id).where(
            User.username_normalized == normalize_username(split_userid(userid)[0]),
            User.authority == self._authority,
            User.deleted.is_(False),
        )
        self._creator_id = self._session.scalar(found)
        if self._creator_id is None:
            raise InvalidDeclarationError("There is no such effective user.", line=0)

    def users(self, commands: Sequence[UserUpsert]) -> list[Done]:
        """Make users or bring them up to date; of several commands for one user the last counts."""
        rows = {
            normalize_username(command.username): {
                "pubid": new_pubid(USER_PUBID_LENGTH),
                "username": command.username,
                "username_normalized": normalize_username(command.username),
                "authority": self._authority,
                "display_name": command.display_name,
                "created": self._now,
                "activated_at": self._now,
            }
            for command in commands
        }
        new = insert(User).values(list(rows.values()))
        found = self._session.execute(
            new.on_conflict_do_update(
                index_elements=["username_normalized", "authority"],
                set_={"display_name": func.coalesce(new.excluded.display_name, User.display_name)},
            ).returning(User.id, User.username, User.username_normalized, User.deleted)
        ).all()
        deleted = [row.username for row in found if row.deleted]
        if deleted:
            raise ConflictingDataError(f"user {deleted[0]} is being deleted")
        ids = {row.username_normalized: row.id for row in found}
        self._identities({ids[normalize_username(command.username)]: command for command in commands})
        names = {row.username_normalized: row.username for row in found}
        done = []
        for command in commands:
            key = normalize_username(command.username)
            if command.anchor is not None:
                self._user_ids[command.anchor] = ids[key]
            done.append(Done("user", make_userid(names[key], self._authority)))
        return done

    def _identities(self, commands: dict[int, UserUpsert]) -> None:
        """Add what is missing; identities that are there already stay."""
        wanted: dict[IdentityKey, int] = {}
        for user_id, command in commands.items():
            for identity in command.identities:
                if wanted.setdefault(identity, user_id) != user_id:
                    raise ConflictingDataError(_taken(*identity))
        self._session.execute(
            insert(UserIdentity)
            .values(
                [
                    {
                        "user_id": user_id,
                        "authority": self._authority,
                        "provider": provider,
                        "provider_unique_id": unique_id,
                        "created": self._now,
                    }
                    for (provider, unique_id), user_id in wanted.items()
                ]
            )
            .on_conflict_do_nothing()
        )
        columns = (UserIdentity.provider, UserIdentity.provider_unique_id)
        owners = self._session.execute(
            select(*columns, UserIdentity.user_id).where(
                UserIdentity.authority == self._authority,
                tuple_(*columns).in_([tuple(identity) for identity in wanted]),
            )
        )
        for provider, unique_id, user_id in owners:
            if wanted[IdentityKey(provider, unique_id)] != user_id:
                raise ConflictingDataError(_taken(provider, unique_id))

    def groups(self, commands: Sequence[GroupUpsert]) -> list[Done]:
        """Make private groups, owned by the effective user, or give them their new names."""
        rows = {
            command.authority_provided_id: {
                "pubid": new_pubid(GROUP_PUBID_LENGTH),
                "authority": self._authority,
                "authority_provided_id": command.authority_provided_id,
                "name": command.name,
                "creator_id": self._creator_id,
                "joinable_by": JoinableBy.AUTHORITY.value,
                "readable_by": ReadableBy.MEMBERS.value,
                "writeable_by": WriteableBy.MEMBERS.value,
                "created": self._now,
                "updated": self._now,
            }
            for command in commands
        }
        known = self._groups_by_provided_id(list(rows))
        new = insert(Group).values(list(rows.values()))
        changed = self._session.scalars(
            new.on_conflict_do_update(
                index_elements=["authority", "authority_provided_id"],
                set_={"name": new.excluded.name, "updated": new.excluded.updated},
                where=Group.name != new.excluded.name,
            ).returning(Group.id)
        ).all()
        renamed = set(changed) & set(known.values())
        outbox.record_all(
            self._session, [GroupUpdated(occurred_at=self._now, group_id=group_id) for group_id in sorted(renamed)]
        )
        ids = self._groups_by_provided_id(list(rows))
        for command in commands:
            if command.anchor is not None:
                self._group_ids[command.anchor] = ids[command.authority_provided_id]
        return [Done("group", make_groupid(command.authority_provided_id, self._authority)) for command in commands]

    def _groups_by_provided_id(self, provided_ids: Sequence[str]) -> dict[str, int]:
        rows = self._session.execute(
            select(Group.authority_provided_id, Group.id).where(
                Group.authority == self._authority, Group.authority_provided_id.in_(provided_ids)
            )
        )
        return {provided_id: group_id for provided_id, group_id in rows if provided_id is not None}

    def memberships(self, commands: Sequence[MembershipCreate], *, line: int) -> list[Done]:
        """Make members; whoever is one already stays what it is."""
        pairs = [
            (
                _anchored(self._user_ids, command.user_anchor, "user", line=line + offset),
                _anchored(self._group_ids, command.group_anchor, "group", line=line + offset),
            )
            for offset, command in enumerate(commands)
        ]
        rows = [
            {
                "user_id": user_id,
                "group_id": group_id,
                "role": Role.MEMBER.value,
                "created": self._now,
                "updated": self._now,
            }
            for user_id, group_id in dict.fromkeys(pairs)
        ]
        columns = (GroupMembership.user_id, GroupMembership.group_id)
        joined = self._session.execute(
            insert(GroupMembership).values(rows).on_conflict_do_nothing().returning(*columns)
        ).all()
        outbox.record_all(
            self._session,
            [
                MembershipCreated(occurred_at=self._now, user_id=user_id, group_id=group_id)
                for user_id, group_id in joined
            ],
        )
        found = self._session.execute(
            select(GroupMembership.id, *columns).where(tuple_(*columns).in_(list(dict.fromkeys(pairs))))
        )
        ids = {(user_id, group_id): membership_id for membership_id, user_id, group_id in found}
        return [Done("group_membership", ids[pair]) for pair in pairs]


def _anchored(anchors: Anchors, anchor: str, kind: str, *, line: int) -> int:
    try:
        return anchors[anchor]
    except KeyError as error:
        raise InvalidDeclarationError(f"No earlier command names a {kind} {anchor[:100]}.", line=line) from error


def _taken(provider: str, unique_id: str) -> str:
    return f"another user has the provider {provider} and unique id {unique_id}"
