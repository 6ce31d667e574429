"""URIs of documents: normal form, version suffixes, wildcards and the scopes of groups."""

from hcommon.uri.normalization import normalize as normalize
from hcommon.uri.normalization import uri_hash as uri_hash
from hcommon.uri.parse import InvalidURIError as InvalidURIError
from hcommon.uri.parse import is_http as is_http
from hcommon.uri.parse import with_default_scheme as with_default_scheme
from hcommon.uri.scope import scope_matches as scope_matches
from hcommon.uri.scope import split_scope as split_scope
from hcommon.uri.version import VersionedURI as VersionedURI
from hcommon.uri.version import parse_versioned as parse_versioned
from hcommon.uri.wildcard import WildcardURI as WildcardURI
from hcommon.uri.wildcard import parse_wildcard as parse_wildcard
