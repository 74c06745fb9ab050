"""Files that ship with the application: icons and the style sheet."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Where they lie, in a checkout as in the packaged application."""
