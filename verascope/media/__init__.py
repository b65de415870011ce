"""Opening untrusted files: types, limits, decoders, and the isolated worker process."""
