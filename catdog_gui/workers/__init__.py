"""Threads that turn Qt-free work into signals."""
