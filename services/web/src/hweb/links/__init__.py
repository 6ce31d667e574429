"""Where everything is: the API's index and the links to pages."""
