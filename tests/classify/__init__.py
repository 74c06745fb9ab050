"""Classifying without a window."""
