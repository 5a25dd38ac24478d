"""The practice desk: scripted people on the code of real ones, in a key space of their own."""
