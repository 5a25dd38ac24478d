"""The dialogue engine as the core sees it: a client, and the shape of the safety check."""
