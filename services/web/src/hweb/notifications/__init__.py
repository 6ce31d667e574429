"""Which mails somebody wants."""
