"""The Rasa side of Northlight: understands a message and decides what is asked next, in keys."""
