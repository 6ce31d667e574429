"""OAuth 2 provider: authorization codes, tokens, revocation.

The order of checks, PKCE and the error codes come from the library oauthlib; who may do what is in `validator`.
"""
