"""Tests: claims about what CatDog Studio does."""
