"""What becomes of findings after judging: releases that people sign, in a chain, and where each finding stands."""
