"""Needs → fewest scans → aggregates. The only package inside audits that speaks Ibis."""
