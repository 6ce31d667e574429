"""The users of an application's authority, as the application makes and changes them."""
