"""Health of the service, for people, load balancers and container engines."""
