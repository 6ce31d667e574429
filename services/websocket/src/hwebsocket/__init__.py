"""The websocket service: tells connected clients what happens to the annotations that they look at."""
