"""What other systems expect, made from Results: one file a system."""
