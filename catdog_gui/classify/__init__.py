"""Classifying photos, without Qt: find them, ask a classifier, write down its answers."""
