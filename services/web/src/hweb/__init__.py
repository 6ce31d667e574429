"""h's web service: the Hypothesis API and the site."""
