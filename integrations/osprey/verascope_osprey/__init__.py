"""Verascope's score in Osprey's rules."""
