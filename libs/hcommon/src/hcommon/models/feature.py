"""Feature flags that were switched by those who run the site, and the cohorts that some are on for."""

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from hcommon.db.base import Base
from hcommon.db.types import IntKey, LongText, Timestamp


class Feature(Base):
    """For whom a flag is on; a flag without a row is as this release has it.

    Attributes:
        first_party: On for users of the site's own authority.
    """

    __tablename__ = "feature"

    name: Mapped[LongText] = mapped_column(primary_key=True)
    everyone: Mapped[bool] = mapped_column(server_default=text("false"))
    first_party: Mapped[bool] = mapped_column(server_default=text("false"))
    admins: Mapped[bool] = mapped_column(server_default=text("false"))
    staff: Mapped[bool] = mapped_column(server_default=text("false"))


class FeatureCohort(Base):
    """People who try things first."""

    __tablename__ = "feature_cohort"

    id: Mapped[IntKey]
    name: Mapped[LongText] = mapped_column(unique=True)
    created: Mapped[Timestamp]


class FeatureCohortMember(Base):
    """Somebody in a cohort."""

    __tablename__ = "feature_cohort_member"

    cohort_id: Mapped[int] = mapped_column(ForeignKey("feature_cohort.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)


class FeatureCohortFeature(Base):
    """A flag that is on for a cohort."""

    __tablename__ = "feature_cohort_feature"

    cohort_id: Mapped[int] = mapped_column(ForeignKey("feature_cohort.id", ondelete="CASCADE"), primary_key=True)
    feature_name: Mapped[LongText] = mapped_column(ForeignKey("feature.name", ondelete="CASCADE"), primary_key=True)
