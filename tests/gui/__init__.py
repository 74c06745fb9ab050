"""Item models, workers and views, without a screen."""
