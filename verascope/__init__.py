"""Verascope: was it made by a machine, and where does it come from?"""

__version__ = "0.1.0"
