"""Widgets: each page one file, each reusable widget one file."""
