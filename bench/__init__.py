"""Measures the service beside a stock Rasa, in the same run and on the same machine."""
