# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Two lenders, one ratio
#
# The four-fifths rule compares rates of approval: flagged below .80. Two lenders have the same ratio. One decides on
# risk alone, and its applicants differ in risk; the other holds one group to a stricter bar. The ratio cannot tell
# them apart, and a remedy that fits one would be wrong for the other. This notebook opens both audits side by side,
# then real mortgage decisions, where nobody knows the truth.
#
# It reads the records of finished runs and no applicant's data.

# %%
import os
from pathlib import Path

import pandas as pd
from IPython.display import display

from reports.workbench import latest, lines

pd.set_option("display.max_colwidth", 400, "display.max_rows", 40)
runs = Path(os.environ.get("SQUAREDEAL_DEMO", "../demo")) / "runs"
lenders = {name: latest(runs, name) for name in ("fair-lender", "strict-lender")}
display(*lenders.values())

# %% [markdown]
# ## From the rows as they stand to equal risk
#
# Three figures, each asking more of the data than the one before.
#
# - **Adverse impact ratio**: rates of approval as they are. It answers "is there a difference", not "why".
# - **Adjusted gap**: among applications alike in what the lender may lawfully weigh.
# - **Gap at equal risk**: the risk is estimated from what became of the loans, without the group, and decisions are
#   compared at equal risk. A regression that controls for whatever stands in the file can explain a penalty away when
#   one of its columns is the penalty; this one cannot.

# %%
measures = ("adverse_impact_ratio", "adjusted_approval_gap", "risk_adjusted_gap")
views = {name: [run.finding(measure) for measure in measures] for name, run in lenders.items()}
pd.DataFrame(
    {name: [f"{one.figure} ({one.interval}): {one.verdict}" for one in found] for name, found in views.items()},
    index=[one.title for one in views["fair-lender"]],
)

# %%
for name, run in lenders.items():
    print(name)
    display(*run.pictures("approval_gap"))

# %% [markdown]
# Who is flagged by the ratio should be looked at. Which of them still differs at equal risk?

# %%
for name, (ratio, _, risk) in views.items():
    print(f"{name}: {ratio.verdict} by the ratio, {risk.verdict} at equal risk")

# %% [markdown]
# For a lender that is flagged by the ratio and not at equal risk, the remedy is not a new model but the question who
# applies, and why their risk differs.
#
# ## Real decisions
#
# 1,989 mortgage applications in Boston in 1990. There is no outcome in this file, so equal risk cannot be asked; the
# adjusted gap is the furthest one can go, and it is only as good as its controls.

# %%
boston = latest(runs, "boston-mortgages")
display(boston, boston.worst(), boston.worst().picture())

# %%
boston.findings().drop(columns="harm")

# %% [markdown]
# ## What would change the verdict, and what this does not show

# %%
worst = boston.worst()
display(lines(worst.would_change, worst.does_not_show, worst.cautions))
boston.unanswered()

# %% [markdown]
# ## What to do next
#
# 1. **Do not stop at the ratio, in either direction.** A ratio above .80 is no acquittal and one below is no verdict.
# 2. **Bring outcomes.** Without what became of the loans nobody can separate a stricter bar from a difference in risk.
# 3. **Where a gap remains at equal risk**, ask the model: `from_red_to_root_cause` shows which feature carries it and
#    whether a less discriminatory alternative performs as well.
# 4. **Where none remains**, look before the decision: `digital_divide` follows the people who never applied.
