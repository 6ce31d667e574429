"""What follows from an event: one function an event, which decides and then queues tasks."""
