"""Hide and reveal: a course's notes about a page are kept apart until its instructors reveal them.

What that means for readers is in `hcommon.checkpoints`. Source: specification of the API, sections 1.15 and 2.8.
"""
