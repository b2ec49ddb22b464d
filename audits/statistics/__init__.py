"""Interval estimates and tests that the audits rest on."""
