"""What happened: frozen models of ids and facts, in one closed catalogue."""
