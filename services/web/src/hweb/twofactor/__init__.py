"""The second factor: a code from an app at each log-in with a password."""
