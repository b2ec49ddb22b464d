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
# # From red to root cause
#
# A lender scores consumer loans with a registered model. Say the audit is red: one group is approved less often, also
# at equal risk. The model does not take the group. So where does the difference come from, which feature carries it,
# and is there a model that treats the groups more alike and is as good at its job?
#
# Seven steps, each with a question that can be answered wrongly by stopping too early. Everything is read from the
# records of a finished audit and of a finished search for remedies; no applicant's data are opened.

# %%
import os
from pathlib import Path

import pandas as pd
from IPython.display import display

from reports.workbench import latest, lines

pd.set_option("display.max_colwidth", 400, "display.max_rows", 60, "display.float_format", "{:.4f}".format)
runs = Path(os.environ.get("SQUAREDEAL_DEMO", "../demo")) / "runs"
run = latest(runs, "scored-loans")
run

# %% [markdown]
# ## 1. What is red?

# %%
run.findings(verdict=["breach", "concern"]).drop(columns="harm")

# %% [markdown]
# ## 2. Is it the applicants, or the decisions?
#
# The ratio of approval rates as the rows stand can be low because applicants differ in risk. At equal estimated risk
# that explanation is gone. What remains is in the decisions.

# %%
red = run.finding("adverse_impact_ratio")
display(red, *run.pictures("approval_gap"))

# %% [markdown]
# ## 3. Which features make the gap?
#
# The gap between the groups in the model's mean output, taken apart by feature so that the parts add up to it exactly.

# %%
display(*[picture for picture in run.pictures("feature_output_gap") if "makes the gap" in picture.title])

# %% [markdown]
# Stopping here would be the first mistake. A feature may make a gap because the groups really differ in what it
# measures *and* that matters for repayment. The waterfall cannot tell the two apart.
#
# ## 4. Which of them does repayment not explain?
#
# `gap` is what the feature makes of the difference; `carried` is what is left of it beyond what repayment explains;
# `auc` says how well the feature alone tells the group (0.5: not at all). A proxy has all three: it tells the group, it
# makes a gap, and repayment does not ask for it.

# %%
features = run.features()
display(features[["gap", "low", "high", "carried", "auc", "proxy"]].astype({"proxy": bool}))
print("named as standing in for the group:", ", ".join(run.proxies()) or "none")

# %% [markdown]
# ## 5. Would the model have decided otherwise?
#
# The same applicants, one thing changed. A flip of the group itself shows nothing, since the model does not take it;
# that silence is the second mistake to avoid. The flip of the named feature shows what it does to those who have it.

# %%
display(run.flips())
open_questions = run.unanswered()
open_questions[open_questions.index.str.contains("one thing changed")][["reason"]].drop_duplicates()

# %% [markdown]
# ## 6. Is there a model that treats the groups more alike and performs as well?
#
# The search trains the program's own code again and again: without features, with features changed, with other
# hyperparameters, under a constraint. None of these needs the group when it decides. The choice is made on one part of
# the rows, and what is claimed of it is measured on another part that nothing had looked at.

# %%
remedies = run.remedies()
display(remedies, *remedies.pictures()[:1])

# %%
tried = remedies.candidates()
shown = tried[tried["eligible"] | tried["kind"].isin(["today", "constrained", "cut_by_group"])]
print(f"{len(tried)} candidates, {tried['eligible'].sum()} of them eligible; these, today's model and the frontier:")
shown[["what", "performance", "ratio", "gain", "eligible", "deployable"]]

# %% [markdown]
# The third mistake would be to take the candidate with the highest ratio. Constrained models reach it by giving
# weight to whatever tells the group, at a price in performance, and cuts by group decide by the group itself, which
# is disparate treatment; they are here to show what even that would cost. The floor is measured from the *best* model
# that was found, so that no accuracy is traded for parity.

# %%
chosen = remedies.chosen
display(lines([chosen.words if chosen else "No alternative was chosen."]), *remedies.pictures()[1:])
remedies.certified()

# %% [markdown]
# The bounds hold for all of these figures at once.
#
# ## 7. What to rely on, and what not

# %%
display(lines(remedies.cautions, red.does_not_show, red.cautions))

# %% [markdown]
# ## What to do next
#
# 1. **Ask what the named feature is for.** If it has a use that repayment cannot show, somebody must be able to say
#    which, and to whom it is worth the gap that rides on it.
# 2. **Retrain as chosen**, register the version, and let the program's alias move to it.
# 3. **Re-test**: `squaredeal run` on the next period's decisions, then `squaredeal compare` with this run. The
#    certificate speaks of these rows; the next period has to say it again.
# 4. **Keep the record.** `remedies.json` holds every candidate, the floor and the reasons. A search that finds nothing
#    is worth keeping too: it is the answer to "did you look?".
# 5. **Look again at what remains.** A ratio below .80 may stay although no proxy is left. Then the difference is in
#    risk, and the question moves to before the decision: who applies, and why their risk differs.
