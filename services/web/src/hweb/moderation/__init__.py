"""What moderators do with annotations, and what those who run the site do with users."""
