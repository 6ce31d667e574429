"""What can be wrong with a job, in the shape in which its sender is told."""

from typing import Any, ClassVar

from hcommon.errors import ErrorKind, HError


class BulkError(HError):
    """A job cannot be done; nothing of it was.

    Attributes:
        TITLE: What kind of thing is wrong.
        line: Number of the line that is wrong, from 0; None for the job as a whole.
    """

    TITLE: ClassVar[str] = "The job cannot be done"

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line

    def present(self, *, status: int) -> dict[str, Any]:
        """Return the answer's body. Source: specification of the API, section 1.1, 'Error format'."""
        error: dict[str, Any] = {
            "code": type(self).__name__,
            "title": self.TITLE,
            "detail": self.reason,
            "meta": {},
            "status": str(status),
        }
        if self.line is not None:
            error["source"] = {"pointer": f"/{self.line}"}
        return {"errors": [error]}


class InvalidJSONError(BulkError):
    """A line is not JSON."""

    TITLE = "A line is not valid JSON"


class SchemaValidationError(BulkError):
    """A line is no command, or one that is wrong in itself."""

    TITLE = "The body is not of the form asked for"

    def present(self, *, status: int) -> dict[str, Any]:
        """Name the place by the first word of the reason, which is a dotted path."""
        body = super().present(status=status)
        place = self.reason.partition(":")[0].replace(".", "/")
        body["errors"][0]["meta"] = {"schema": {"pointer": f"#/{place}"}, "context": []}
        return body


class CommandSequenceError(BulkError):
    """The commands do not stand in the right order or number."""

    TITLE = "The commands are in the wrong order or number"


class InvalidDeclarationError(BulkError):
    """A command speaks of something that is not there."""

    TITLE = "A command speaks of something that is not there"


class ConflictingDataError(BulkError):
    """Something that must be one user's own is another's."""

    kind = ErrorKind.CONFLICT
    TITLE = "The data is in conflict with what there is"
