"""Keeps these tests, which import TensorFlow, out of the process that runs all others.

A file that is named on the command line is run all the same, as in
`pytest tests/training/engine/test_phases.py`.
"""

collect_ignore_glob = ["test_*.py"]
