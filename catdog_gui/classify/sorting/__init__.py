"""Sorting photos into folders by label, with a plan before and undo after."""
