"""What the assistant does for a person, one module a thing, the same for every door.

These are not Telegram callbacks: a handler sees a Turn and says things; it knows no platform.
"""
