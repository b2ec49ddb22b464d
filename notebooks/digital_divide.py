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
# # Who never reaches the form?
#
# A bank lends through its app. Judged by its applications alone it may be fair: those who apply are approved alike.
# But an audit of applications cannot see the people who never applied, or who gave up at the identity check. This
# notebook follows everybody from the door to the price, and asks what being old, having no data trail, or wanting to
# speak to a person costs.
#
# It reads the records of a finished run: counts and sums, no person.

# %%
import os
from pathlib import Path

import pandas as pd
from IPython.display import display

from reports.workbench import latest, lines

pd.set_option("display.max_colwidth", 400, "display.max_rows", 40)
runs = Path(os.environ.get("SQUAREDEAL_DEMO", "../demo")) / "runs"
run = latest(runs, "mobile-bank")
run

# %% [markdown]
# ## Does the decision look fair?
#
# The ratio at the stage of the decision alone, for each group. This is all that a table of applications can tell.

# %%
stages = run.measurements(measure="stage_ratio")
stages[stages["part"] == "decision"][["who", "figure", "interval", "n", "verdict"]]

# %% [markdown]
# ## And the way there?
#
# The same people from the population to a price. The ratios of the stages multiply to the ratio in all, so that each
# stage carries its own part of the loss and nothing is counted twice.

# %%
oldest = run.finding("cumulative_ratio")
display(oldest)
whole = [picture for picture in run.pictures("cumulative_ratio") if oldest.measurement.group in picture.title]
display(*whole[:2])

# %% [markdown]
# ## Where, and on which device
#
# The costliest stage, split by what people had in their hands. A loss that sits on one device or one network is a
# defect that can be mended; one that is the same everywhere is a matter of what the stage asks.

# %%
losses = [
    one for one in run.pictures("stage_loss_share") if oldest.measurement.group in one.title and "lost" in one.title
]
display(*losses[:1])

# %% [markdown]
# ## The identity check

# %%
check = run.finding("verification_failure_ratio")
display(check, *check.pictures()[:2])
display(run.finding("fallback_success_ratio"))

# %% [markdown]
# ## No data trail
#
# Are people with a thin file refused more often, and if so, because they repay less? The approval of thin and full
# files is compared at the same rate of repayment, and the price too.

# %%
display(*(run.finding(name) for name in ("thin_file_approval_ratio", "thin_file_approval_gap", "thin_file_price_gap")))
display(run.finding("thin_file_approval_gap").picture())

# %% [markdown]
# The raw ratio mixes two things, the risk and the missing file, and by itself decides nothing. The gap at equal
# repayment is what remains for the missing file alone.
#
# ## Speaking to a person

# %%
display(*(run.finding(name) for name in ("assisted_price_ratio", "digital_discount_gap")))

# %% [markdown]
# ## What it cost

# %%
money = run.money()
own = money[(money["harm"] == "digital_divide") & (money["headline"] | (money["who"] == ""))]
own[["what", "figure", "interval", "compared with", "basis", "additive"]]

# %% [markdown]
# ## What this does not show

# %%
display(lines(oldest.does_not_show, check.does_not_show))
run.unanswered()

# %% [markdown]
# ## What to do next
#
# 1. **Mend the costliest stage first.** The stage with the lowest ratio, on the device where it is lowest. Ask somebody
#    of that group to do it while you watch; the audit says where, not why.
# 2. **Give the identity check a way back.** A failed check without another way ends the application; the second figure
#    there says how few come back.
# 3. **Score a missing trail as missing**, not as bad: train and test the model with the trail removed, and hold thin
#    and full files to the same rate of repayment.
# 4. **Price the help at its cost**, not above it.
# 5. **Re-test** on the next period with `squaredeal compare`. Watch the ratio in all, not only that of the stage: a
#    barrier that is moved to the next stage has not gone.
