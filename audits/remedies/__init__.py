"""What can be done about a finding: alternatives that treat groups more alike, and what a harm has cost."""
