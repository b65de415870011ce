"""The moderation service: an HTTP face over the scanner, a queue behind it, webhooks out of it."""
