"""What only tests and developers need: served when `DEV` is on."""
