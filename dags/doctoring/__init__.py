"""What works here: a probe a thing, each in a process of its own with a time limit (`squaredeal doctor`)."""
