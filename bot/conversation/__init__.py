"""The conversation core: one way of talking for every door."""
