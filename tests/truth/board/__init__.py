"""The scoreboard of simulated worlds: how often customary practice and the audits' own estimators are right."""
