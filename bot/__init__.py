"""Northlight's own package: the doors, the conversation core, the handoff queue and the console."""
