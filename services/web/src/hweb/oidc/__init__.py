"""Signing in through the identity provider of the site, by OpenID Connect."""
