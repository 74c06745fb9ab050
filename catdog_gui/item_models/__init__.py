"""Qt item models and proxies over Qt-free values."""
