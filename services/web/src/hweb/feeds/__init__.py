"""The newest annotations for feed readers."""
