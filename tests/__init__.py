"""Tests, by part of the product."""
