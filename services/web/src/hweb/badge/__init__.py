"""The number of annotations of a page, for the badge of browser extensions."""
