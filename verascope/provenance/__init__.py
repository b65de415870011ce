"""Content Credentials (C2PA): verify, trust, explain."""
