"""What becomes of a finding after it was judged: releases that people signed, chained, and the state of each finding."""
