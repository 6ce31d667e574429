"""Searching in PostgreSQL: page reads, and the search backend where there is no Elasticsearch."""

from hcommon.search.postgresql.backend import PostgreSQLBackend as PostgreSQLBackend
from hcommon.search.postgresql.page import Page as Page
from hcommon.search.postgresql.page import count as count
from hcommon.search.postgresql.page import fetch_page as fetch_page
from hcommon.search.postgresql.statements import Selection as Selection
from hcommon.search.postgresql.writer import PostgreSQLWriter as PostgreSQLWriter
