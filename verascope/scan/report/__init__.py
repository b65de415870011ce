"""Results as one page that a person can read: nothing is fetched, everything is inside."""
