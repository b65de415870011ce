"""Many inputs: sources and outputs."""
