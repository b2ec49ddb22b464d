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
# # Do loyal customers pay more?
#
# A motor insurer quotes new and renewing customers. Those who stay are, on the whole, the cheaper risks, so their
# prices are lower. That alone hides price walking: what matters is whether a price grows with the years of a customer
# *beyond* what the customer costs. This notebook opens the audit of one period, goes from the first sentence of the
# report to the customers behind it, and ends with what to do.
#
# It reads the records of a finished run and no customer data, except where it says so.

# %%
import os
from pathlib import Path

import pandas as pd
from IPython.display import display

from reports.workbench import latest, lines

pd.set_option("display.max_colwidth", 400, "display.max_rows", 30)
runs = Path(os.environ.get("SQUAREDEAL_DEMO", "../demo")) / "runs"
run = latest(runs, "motor-renewals")
run

# %% [markdown]
# ## What was found
#
# Each row is one figure under one rule. `breach` needs a law in force with a limit of its own; a figure beyond a limit
# that is a convention, or a setting of ours, is a `concern`.

# %%
run.findings().drop(columns="harm")

# %% [markdown]
# ## The exact finding: renewals above the price for a new customer
#
# The United Kingdom's rule fixes what a renewing customer may be asked: not more than the same customer would be
# asked as a new one through the same channel. Nothing is estimated here. Each renewal is compared with its own
# equivalent new business price, and every case is counted.

# %%
cases = run.finding("renewal_above_enbp_cases")
cases

# %%
display(cases.details())

# %% [markdown]
# Which customers these are does not stand in the record. Whoever has the credentials of the source can fetch them; the
# run keeps their keys in a folder that only its owner may read. Here only their number and the spread of the sums are
# shown, not people. `squaredeal rows … --by-entity FILE` adds the sums up by customer.

# %%
rows = cases.rows()
print(f"{len(rows):,} quotes, each with what lies above its new-customer price in the column squaredeal_money")
rows["squaredeal_money"].describe()[["min", "50%", "max"]].map("{:,.2f}".format).to_frame(
    rows["squaredeal_currency"][0]
)

# %% [markdown]
# ## The estimated finding: a penalty that grows with the years
#
# Two routes ask the same question with different assumptions. The first takes the insurer's own expected cost as what
# a price may follow: does price *over cost* grow with tenure? The second does not trust that cost and looks at claims:
# do loyal customers get less back for what they pay? Only where both agree is there a penalty to speak of. Either of
# them alone can be wrong: the first if the cost is wrong in step with tenure, the second if claims come late.

# %%
routes = [run.finding(name) for name in ("tenure_price_slope", "loss_ratio_slope", "loyalty_penalty_slope")]
pd.DataFrame(
    {"figure": [one.figure for one in routes], "interval": [one.interval for one in routes],
     "verdict": [one.verdict for one in routes]},
    index=[one.title for one in routes],
)  # fmt: skip

# %% [markdown]
# How it builds up, year by year, against new customers. Were loyalty not priced, the dots would lie on the line.

# %%
display(*run.pictures("tenure_price_ratio"))

# %% [markdown]
# ## What it cost

# %%
money = run.money()
own = money[(money["harm"] == "loyalty_pricing") & (money["headline"] | (money["who"] == ""))]
own[["what", "figure", "interval", "compared with", "basis", "additive"]]

# %% [markdown]
# The two sums answer different questions and must not be added. The overcharge above the new customer's price is
# exact, and owed customer by customer, because a rule fixes what each should have been asked. The penalty's sum is an
# estimate over everybody: it says how much the pattern moves in all, not what any one customer is owed.
#
# ## What this does not show

# %%
display(lines(cases.does_not_show, routes[-1].does_not_show))
run.unanswered()

# %% [markdown]
# ## What to do next
#
# 1. **Refund and stop.** Fetch the rows above the new customer's price, check a few against the quotes as sent, and
#    correct the rating step that let them through. A run of the next period must count none.
# 2. **Find the step in which tenure enters.** If the price comes from a registered model, name it in the program: the
#    audit then says which features stand in for tenure (`from_red_to_root_cause`). A flip of tenure alone proves
#    nothing when the model takes a proxy of it.
# 3. **Fill the gaps above.** Every line of the table names the column that would answer its question.
# 4. **Re-test.** After the change run the program on the new period and compare:
#    `squaredeal compare OLD_RUN NEW_RUN`. The penalty is gone when its whole interval lies under the limit, not when
#    its middle does.
