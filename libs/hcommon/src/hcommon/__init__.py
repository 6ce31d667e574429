"""What h's services share: settings, models, events, visibility, search and presentation."""
