"""Scheduled operation on real servers, which are started once for the package and end with it."""
