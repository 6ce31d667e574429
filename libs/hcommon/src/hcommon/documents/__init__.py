"""Documents: what pages claim about themselves, how claims join URIs into one document, and how readers follow them."""

from hcommon.documents.claims import DocumentClaims as DocumentClaims
from hcommon.documents.claims import URIClaim as URIClaim
from hcommon.documents.claims import claims_of as claims_of
from hcommon.documents.equivalence import equivalent_hashes as equivalent_hashes
from hcommon.documents.split import Split as Split
from hcommon.documents.split import document_of as document_of
from hcommon.documents.split import joining_claims as joining_claims
from hcommon.documents.split import split as split
from hcommon.documents.store import store as store
