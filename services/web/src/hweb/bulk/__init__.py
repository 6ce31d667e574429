"""Much at once, for applications that were given the capability: a learning platform with its courses.

Source: specification of the API, section 1.15.
"""
