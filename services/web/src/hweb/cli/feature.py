"""`h feature`: flags, and the cohorts that try things first."""

from typing import Annotated

import typer
from hcommon.errors import ErrorKind, HError
from hcommon.features import FEATURES
from hcommon.models import Feature, FeatureCohort, FeatureCohortFeature, FeatureCohortMember, User
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hweb.cli.application import new_app, show, tools
from hweb.cli.user import find

app = new_app("Feature flags, and the cohorts that try things first.")
cohorts = new_app("Cohorts: people who try things first.")
app.add_typer(cohorts, name="cohort")

Flag = Annotated[str, typer.Argument(metavar="FLAG", help="Name of the flag; see h feature list.")]
CohortName = Annotated[str, typer.Argument(metavar="COHORT", help="Name of the cohort.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="User names.")]


class NoSuchFlagError(HError):
    """This release has no flag of this name."""

    kind = ErrorKind.NOT_FOUND


class NoSuchCohortError(HError):
    """There is no cohort of this name."""

    kind = ErrorKind.NOT_FOUND


@app.command("list")
def list_() -> None:
    """List all flags, and for whom they are on."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        switched = {row["name"]: row for row in connection.execute(select(*Feature.__table__.c)).mappings()}
        of_cohorts: dict[str, list[str]] = {}
        for name, cohort in connection.execute(
            select(FeatureCohortFeature.feature_name, FeatureCohort.name)
            .join(FeatureCohort, FeatureCohort.id == FeatureCohortFeature.cohort_id)
            .order_by(FeatureCohort.name)
        ):
            of_cohorts.setdefault(name, []).append(f"cohort {cohort}")
    table = Table("Flag", "On for", box=None)
    for name, released in sorted(FEATURES.items()):
        if name in switched:
            labels = {"everyone": "everyone", "first_party": "this site's users", "admins": "admins", "staff": "staff"}
            whom = [label for column, label in labels.items() if switched[name][column]] + of_cohorts.get(name, [])
            table.add_row(name, ", ".join(whom) or "nobody")
        else:
            table.add_row(name, "everyone (as released)" if released else "nobody (as released)")
    show(table)


@app.command("set")
def set_(
    flag: Flag,
    *,
    everyone: Annotated[bool, typer.Option("--everyone", help="On for all, anonymous visitors too.")] = False,
    first_party: Annotated[bool, typer.Option("--first-party", help="On for this site's own users.")] = False,
    admins: Annotated[bool, typer.Option("--admins", help="On for administrators.")] = False,
    staff: Annotated[bool, typer.Option("--staff", help="On for staff.")] = False,
    cohort: Annotated[list[str] | None, typer.Option(help="On for this cohort; may be repeated.")] = None,
) -> None:
    """Switch a flag: on for those named, off for everybody else."""
    _check(flag)
    states = {"everyone": everyone, "first_party": first_party, "admins": admins, "staff": staff}
    with tools() as held, held.database.transaction() as session:
        ids = [_cohort_id(session, name) for name in dict.fromkeys(cohort or ())]
        session.execute(
            insert(Feature)
            .values(name=flag, **states)
            .on_conflict_do_update(index_elements=[Feature.name], set_=states)
        )
        session.execute(delete(FeatureCohortFeature).where(FeatureCohortFeature.feature_name == flag))
        session.add_all([FeatureCohortFeature(cohort_id=cohort_id, feature_name=flag) for cohort_id in ids])
    typer.echo(f"{flag} is switched.")


@app.command()
def reset(flag: Flag) -> None:
    """Let a flag be as this release has it; flags of other releases are forgotten by this too."""
    with tools() as held, held.database.transaction() as session:
        forgotten = session.scalar(delete(Feature).where(Feature.name == flag).returning(Feature.name))
        if forgotten is None:
            _check(flag)
    typer.echo(f"{flag} is as released.")


@cohorts.command("add")
def add_members(cohort: CohortName, names: Names) -> None:
    """Put people into a cohort, which is made if it is not there."""
    with tools() as held:
        accounts = [find(held, name) for name in names]
        with held.database.transaction() as session:
            session.execute(insert(FeatureCohort).values(name=cohort, created=held.now).on_conflict_do_nothing())
            cohort_id = _cohort_id(session, cohort)
            session.execute(
                insert(FeatureCohortMember)
                .values([{"cohort_id": cohort_id, "user_id": account.id} for account in accounts])
                .on_conflict_do_nothing()
            )
    typer.echo(f"{', '.join(account.username for account in accounts)}: in {cohort}.")


@cohorts.command("remove")
def remove_members(cohort: CohortName, names: Names) -> None:
    """Take people out of a cohort."""
    with tools() as held:
        accounts = [find(held, name) for name in names]
        with held.database.transaction() as session:
            session.execute(
                delete(FeatureCohortMember).where(
                    FeatureCohortMember.cohort_id == _cohort_id(session, cohort),
                    FeatureCohortMember.user_id.in_([account.id for account in accounts]),
                )
            )
    typer.echo(f"{', '.join(account.username for account in accounts)}: not in {cohort}.")


@cohorts.command("delete")
def delete_cohort(cohort: CohortName) -> None:
    """Forget a cohort; flags that were on for it are off for its members."""
    with tools() as held, held.database.transaction() as session:
        session.execute(delete(FeatureCohort).where(FeatureCohort.id == _cohort_id(session, cohort)))
    typer.echo(f"{cohort} is gone.")


@cohorts.command("list")
def list_cohorts() -> None:
    """List cohorts and who is in them."""
    from rich.table import Table  # noqa: PLC0415 - most commands draw nothing

    with tools() as held, held.database.read() as connection:
        rows = connection.execute(
            select(FeatureCohort.name, User.username)
            .outerjoin(FeatureCohortMember, FeatureCohortMember.cohort_id == FeatureCohort.id)
            .outerjoin(User, User.id == FeatureCohortMember.user_id)
            .order_by(FeatureCohort.name, User.username)
        ).all()
    members: dict[str, list[str]] = {}
    for cohort, username in rows:
        members.setdefault(cohort, []).extend([username] if username else [])
    table = Table("Cohort", "Members", box=None)
    for cohort, usernames in members.items():
        table.add_row(cohort, ", ".join(usernames))
    show(table)


def _check(flag: str) -> None:
    if flag not in FEATURES:
        raise NoSuchFlagError(f"There is no flag {flag}; see h feature list.")


def _cohort_id(session: Session, name: str) -> int:
    found: int | None = session.scalar(select(FeatureCohort.id).where(FeatureCohort.name == name))
    if found is None:
        raise NoSuchCohortError(f"There is no cohort {name}; h feature cohort add makes one.")
    return found
