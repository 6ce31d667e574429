"""The `h` command."""
