"""What works here: ``squaredeal doctor``."""
