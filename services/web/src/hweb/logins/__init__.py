"""Where somebody is logged in: browsers, and applications that were given access."""
