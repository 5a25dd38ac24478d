"""The parts of `python -m bot prove-clean`: people who plant canaries, and the search for them."""
