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
# # Who is led into debt, and by what?
#
# A lender of small loans sells at the moment of purchase, renews quickly and offers insurance beside the loan. Each of
# these can be fair. This notebook opens the audit of a year of loans and asks four questions in turn: does any loan
# cost more than the law allows, was the cost told truthfully, who was sold a dearer product than need be, and who
# cannot get out. It ends with what to do.
#
# It reads the records of a finished run and no borrower's data, except where it says so.

# %%
import os
from pathlib import Path

import pandas as pd
from IPython.display import display

from reports.workbench import latest, lines

pd.set_option("display.max_colwidth", 400, "display.max_rows", 40)
runs = Path(os.environ.get("SQUAREDEAL_DEMO", "../demo")) / "runs"
run = latest(runs, "quickcash-loans")
run

# %% [markdown]
# ## What is beyond a limit
#
# A cost beyond a cap is counted loan by loan; there is no sample and nothing to estimate. Comparisons of groups carry
# an interval, and each rule says whether the figure, or its whole interval, must lie beyond the limit.

# %%
run.findings(verdict=["breach", "concern"]).drop(columns="harm")

# %% [markdown]
# ## Loans that cost more than the law allows
#
# The Military Lending Act caps the all-in rate of covered borrowers at 36 % a year, charges for credit insurance
# included, which is where lenders lose count. The rate is solved for each loan from its own payments.

# %%
cap = run.finding("highest_mapr_rate")
display(cap, cap.picture())
cap.details()

# %% [markdown]
# The loans behind it, fetched from the source by whoever has its credentials. Only their number and the spread of the
# rate are shown here.

# %%
rows = cap.rows()
print(f"{len(rows):,} loans beyond the cap")
rows["squaredeal_figure"].describe()[["min", "50%", "max"]].map("{:.1%} a year".format).to_frame("rate")

# %% [markdown]
# ## Was the cost told truthfully?
#
# A disclosed annual percentage rate may lie below the rate solved from the payments by an eighth of a point, and not
# by more. A gap of one size in many loans points to one charge that was left out, not to careless clerks.

# %%
told = run.finding("regular_apr_understated_gap")
display(told)
told.details()

# %% [markdown]
# ## Who pays more than they need to
#
# For each loan the lender's own product rules, as of its day, are replayed: which products was this borrower entitled
# to, and what would the cheapest of them have cost? The excess is compared between groups that are alike in amount,
# term and score.

# %%
run.measurements(measure="steering_excess_rate")[["who", "figure", "interval", "n", "verdict"]]

# %%
display(run.finding("steering_excess_rate").picture())

# %% [markdown]
# ## Who cannot get out
#
# A loan followed by another within days, again and again, is the trap. Needing money twice is no harm by itself; so
# the second figure asks how much likelier a new loan becomes when the *fees* of the last one were twice as high, at
# equal affordability. Above one, the fees feed the chain.

# %%
chain = [run.finding(name) for name in ("renewed_share", "fee_driven_ratio", "longest_loan_sequence")]
for one in chain:
    display(one)
display(chain[1].picture())

# %% [markdown]
# ## Are people pushed?
#
# What a push adds to borrowing can be told only against borrowers who, by chance, were not pushed. This lender kept
# such a holdout. Without one, customers with a reason to borrow are pushed *because* they have it, and any comparison
# credits the push with what they would have borrowed anyway.

# %%
push = run.finding("push_effect_gap")
display(push)
push.cautions

# %% [markdown]
# ## What it cost

# %%
money = run.money()
own = money[(money["harm"] == "predatory_lending") & (money["headline"] | (money["who"] == ""))]
own[["what", "figure", "interval", "compared with", "basis", "additive"]]

# %% [markdown]
# ## What this does not show

# %%
display(lines(cap.does_not_show, told.does_not_show, chain[1].does_not_show, push.does_not_show))
run.unanswered()

# %% [markdown]
# ## What to do next
#
# 1. **Repay what lies beyond the cap**, loan by loan: the rule fixes what each should have cost. `squaredeal rows`
#    gives the list. Then look at the charge that lifts them over it.
# 2. **Correct the disclosure** at its source. The size of the gap names the charge: compare it with the fee sheet.
# 3. **Sell the cheapest product a borrower is entitled to**, or record why not. Re-run the replay on the next month.
# 4. **Take fees out of renewals**, or cap their number; watch the fee-driven ratio, which should fall to one.
# 5. **Ask what stays open** in the table above before the next period: each line says which column would answer it.
