"""Mail that is kept instead of sent, readable where the server runs."""
