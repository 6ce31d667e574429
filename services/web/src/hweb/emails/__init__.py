"""The e-mail address of an account."""
