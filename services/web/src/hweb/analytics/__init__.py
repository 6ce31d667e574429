"""What the client reports about its use: counted, never tied to a person."""
