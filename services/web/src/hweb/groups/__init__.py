"""Groups: which of them matter for a document and a user."""
