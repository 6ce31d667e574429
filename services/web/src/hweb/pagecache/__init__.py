"""Repeated reads of pages that have not changed, answered from memory.

`store` keeps answers beside the revision of the pages they show, `edge` answers with them once `lookups` has seen in
the database that the revision is still the same. Nothing is ever answered from memory alone: an answer is as fresh as
one that was read anew, and belongs to one reader.
"""
