"""The user's own profile and preferences."""
