"""All of h on one machine: PostgreSQL, Valkey and the services, started and supervised by one command."""
