"""The Hypothesis client, served unmodified, and the pages that it runs in."""
