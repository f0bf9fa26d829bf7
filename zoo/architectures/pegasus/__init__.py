"""PEGASUS."""
