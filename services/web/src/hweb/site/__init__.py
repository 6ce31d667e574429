"""Files of the site itself: style sheet, icon and what robots are told."""
