"""Tables, one module an aggregate. Importing this package declares all of them."""

from hcommon.models.annotation import Annotation, Flag
from hcommon.models.checkpoint import Checkpoint
from hcommon.models.document import Document, DocumentMeta, DocumentRevision, DocumentURI, WithdrawnURI
from hcommon.models.feature import Feature, FeatureCohort, FeatureCohortFeature, FeatureCohortMember
from hcommon.models.group import Group, GroupMembership, GroupScope
from hcommon.models.mention import Mention
from hcommon.models.moderation import ModerationLog
from hcommon.models.notification import MailReceipt, Notification, Subscription
from hcommon.models.organization import Organization
from hcommon.models.outbox import DeadLetter, OutboxEvent
from hcommon.models.search_document import SearchDocument
from hcommon.models.secondfactor import RecoveryCode, SecondFactor
from hcommon.models.token import AuthClient, AuthzCode, Grant, Token
from hcommon.models.upkeep import PeriodicRun, UserDeletion, UserRename
from hcommon.models.user import User, UserIdentity

__all__ = [
    "Annotation",
    "AuthClient",
    "AuthzCode",
    "Checkpoint",
    "DeadLetter",
    "Document",
    "DocumentMeta",
    "DocumentRevision",
    "DocumentURI",
    "Feature",
    "FeatureCohort",
    "FeatureCohortFeature",
    "FeatureCohortMember",
    "Flag",
    "Grant",
    "Group",
    "GroupMembership",
    "GroupScope",
    "MailReceipt",
    "Mention",
    "ModerationLog",
    "Notification",
    "Organization",
    "OutboxEvent",
    "PeriodicRun",
    "RecoveryCode",
    "SearchDocument",
    "SecondFactor",
    "Subscription",
    "Token",
    "User",
    "UserDeletion",
    "UserIdentity",
    "UserRename",
    "WithdrawnURI",
]
