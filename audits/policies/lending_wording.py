"""What the figures of predatory lending say of whom: the subjects of ``wording.py`` for loans and what they cost.

``LENDING`` speaks of a group, ``LENDING_OF_ALL`` of all loans. Counted figures name the loan, borrower or case that
lies farthest out; estimated ones say what was held equal.
"""

from __future__ import annotations

from checks.sentence import template

LENDING = {
    "cap_excess_money": template("Loans beyond the {attribute} ({group}) cost {estimate} more in all than it allows"),
    "insurance_packing_ratio": template(
        "Among loans alike in the declared strata, the share sold with insurance to {group} borrowers is {estimate} "
        "times that of {reference} borrowers"
    ),
    "fee_share_gap": template(
        "The mean of fees over amount is {higher} for {group} borrowers than for {reference} borrowers"
    ),
    "overstretched_share": template(
        "Of the loans of {group} borrowers, {estimate} take payments beyond the threshold of income"
    ),
    "overstretched_ratio": template(
        "The share of loans with payments beyond the threshold of income is for {group} borrowers {estimate} times "
        "that of {reference} borrowers"
    ),
    "beyond_policy_ratio": template(
        "The share of loans beyond the lender’s own limit is for {group} borrowers {estimate} times that of "
        "{reference} borrowers"
    ),
    "steering_excess_rate": template(
        "Among loans alike in amount, term, score and products open to the customer, the mean excess of the rate sold "
        "over the cheapest rate open is {higher} for {group} customers than for {reference} customers"
    ),
    "steered_share": template(
        "Of the loans of {group} customers, {estimate} are dearer than one that the customer was eligible for"
    ),
    "steered_ratio": template(
        "Among loans alike in amount, term, score and products open to the customer, the share sold dearer than need "
        "be is for {group} customers {estimate} times that of {reference} customers"
    ),
    "renewed_share": template(
        "Of the loans of {group} borrowers, {estimate} are followed by another within the days that count as at once"
    ),
    "long_chain_start_share": template("Of the new loans of {group} borrowers, {estimate} begin a long chain of loans"),
    "long_chain_loan_share": template("Of the loans of {group} borrowers, {estimate} lie in long chains of loans"),
    "reborrowing_ratio": template(
        "At equal affordability and strata, {group} borrowers borrow again at {estimate} times the rate of {reference} "
        "borrowers"
    ),
    "push_effect_gap": template(
        "By a holdout that was left to chance, pushes add {more} debt on each occasion for {group} customers than for "
        "{reference} customers"
    ),
    "push_association_gap": template(
        "At equal strata and controls, what pushed customers borrow beyond those not pushed is {more} for {group} "
        "customers than for {reference} customers"
    ),
    "dearest_decile_ratio": template(
        "The share of {group} borrowers among the dearest loans is {estimate} times their share of all loans"
    ),
    "dearest_decile_share": template("Of the dearest loans, {estimate} are those of {group} borrowers"),
}
LENDING_OF_ALL = {
    "highest_all_in_rate": template("The highest annual rate of any loan, all charges included, is {estimate}"),
    "highest_lpr_ratio": template(
        "The highest annual rate of any loan, all charges included, is {estimate} times the loan prime rate of its day"
    ),
    "highest_mapr_rate": template(
        "The highest annual rate of any loan to a covered borrower, all charges included, is {estimate}"
    ),
    "highest_daily_cost_rate": template(
        "The highest cost of a day of any high-cost short-term loan is {estimate} of what is owed"
    ),
    "highest_default_fees": template("The highest default fees of any high-cost short-term loan are {estimate}"),
    "highest_total_cost_ratio": template(
        "The highest total cost of any high-cost short-term loan is {estimate} times the amount lent"
    ),
    "highest_repayment_income_share": template("The highest repayments of any loan are {estimate} of income"),
    "highest_establishment_fee_share": template(
        "The highest establishment fee of any loan is {estimate} of its amount"
    ),
    "highest_monthly_fee_share": template("The highest monthly fee of any loan is {estimate} of its amount"),
    "first_lien_apor_gap": template(
        "Of first-lien mortgages not treated as high-cost, the rate of the dearest lies {over} the average prime offer "
        "rate"
    ),
    "subordinate_lien_apor_gap": template(
        "Of subordinate-lien and small personal-property mortgages not treated as high-cost, the rate of the dearest "
        "lies {over} the average prime offer rate"
    ),
    "longest_prepayment_penalty_months": template(
        "Of mortgages not treated as high-cost, the longest prepayment penalty lasts {estimate}"
    ),
    "highest_prepayment_penalty_share": template(
        "Of mortgages not treated as high-cost, the highest prepayment penalty is {estimate} of what is prepaid"
    ),
    "larger_loan_fees_share": template(
        "Of larger mortgages not treated as high-cost, the highest points and fees are {estimate} of the amount"
    ),
    "smaller_loan_fees_share": template(
        "Of smaller mortgages not treated as high-cost, the highest points and fees are {estimate} of the amount"
    ),
    "smaller_loan_fees_dollars": template(
        "Of smaller mortgages not treated as high-cost, the highest points and fees are {estimate}"
    ),
    "higher_priced_first_apor_gap": template(
        "Of first-lien mortgages not treated as higher-priced, the rate of the dearest lies {over} the average prime "
        "offer rate"
    ),
    "higher_priced_jumbo_apor_gap": template(
        "Of jumbo first-lien mortgages not treated as higher-priced, the rate of the dearest lies {over} the average "
        "prime offer rate"
    ),
    "higher_priced_subordinate_apor_gap": template(
        "Of subordinate-lien mortgages not treated as higher-priced, the rate of the dearest lies {over} the average "
        "prime offer rate"
    ),
    "qm_large_apor_gap": template(
        "Of large first-lien mortgages called qualified, the rate of the dearest lies {over} the average prime offer "
        "rate"
    ),
    "qm_middle_apor_gap": template(
        "Of middle first-lien mortgages called qualified, the rate of the dearest lies {over} the average prime offer "
        "rate"
    ),
    "qm_small_apor_gap": template(
        "Of small first-lien mortgages called qualified, the rate of the dearest lies {over} the average prime offer "
        "rate"
    ),
    "qm_band_1_fees_share": template(
        "Of mortgages called qualified in the first (largest) band of amount, the highest points and fees are "
        "{estimate} of the amount"
    ),
    "qm_band_2_fees_dollars": template(
        "Of mortgages called qualified in the second band of amount, the highest points and fees are {estimate}"
    ),
    "qm_band_3_fees_share": template(
        "Of mortgages called qualified in the third band of amount, the highest points and fees are {estimate} of the "
        "amount"
    ),
    "qm_band_4_fees_dollars": template(
        "Of mortgages called qualified in the fourth band of amount, the highest points and fees are {estimate}"
    ),
    "qm_band_5_fees_share": template(
        "Of mortgages called qualified in the fifth (smallest) band of amount, the highest points and fees are "
        "{estimate} of the amount"
    ),
    "regular_apr_understated_gap": template(
        "Of regular loans, the disclosed annual percentage rate that is farthest too low lies {where} the rate solved "
        "from the payments"
    ),
    "irregular_apr_understated_gap": template(
        "Of irregular loans, the disclosed annual percentage rate that is farthest too low lies {where} the rate "
        "solved from the payments"
    ),
    "aprc_understated_gap": template(
        "The disclosed annual percentage rate of charge that is farthest too low lies {where} the effective rate "
        "solved from the payments"
    ),
    "irr_understated_gap": template(
        "The disclosed annual rate that is farthest too low lies {where} the internal rate of return of the payments"
    ),
    "cost_sheet_understated_gap": template(
        "The annualised comprehensive cost that is stated farthest too low lies {where} that of all charges"
    ),
    "undisclosed_charge_money": template("Loans cost {estimate} more in all than their cost sheets state"),
    "undisclosed_charge_cases": template("Loans with charges that their cost sheet does not state: {estimate}"),
    "missing_fact_statement_cases": template("Loans without a key fact statement: {estimate}"),
    "highest_debt_service_share": template("The highest payments on all debts are {estimate} of a borrower’s income"),
    "highest_borrower_credit": template("The highest credit of one borrower is {estimate}"),
    "student_loan_cases": template("Loans to students: {estimate}"),
    "unassessed_credit_cases": template("Loans without an assessment of affordability on file: {estimate}"),
    "unverified_income_cases": template("Loans for which income was not verified: {estimate}"),
    "highest_loss_guarantee_share": template(
        "The highest loss guarantee is {estimate} of the amount of the loans that it covers"
    ),
    "beyond_policy_cases": template("Loans beyond the limit that the lender set for the customer: {estimate}"),
    "overstretched_share": template("Of all loans, {estimate} take payments beyond the threshold of income"),
    "steered_share": template("Of all loans, {estimate} are dearer than one that the customer was eligible for"),
    "steering_excess_money": template(
        "What customers were sold beyond the cheapest rates that they were eligible for comes to {estimate} in all"
    ),
    "fewest_days_between_loans": template(
        "The fewest days without a loan between two loans of one borrower: {estimate}"
    ),
    "longest_loan_sequence": template("The most loans in a row of one borrower: {estimate}"),
    "most_rollovers": template("The most rollovers of one loan: {estimate}"),
    "persistent_debt_cases": template(
        "Loans on which more interest and fees than principal were paid over 18 months, the debt still standing: "
        "{estimate}"
    ),
    "third_debit_cases": template("Debits after two failures in a row without a new authorisation: {estimate}"),
    "renewed_share": template("Of all loans, {estimate} are followed by another within the days that count as at once"),
    "long_chain_start_share": template("Of all new loans, {estimate} begin a long chain of loans"),
    "long_chain_loan_share": template("Of all loans, {estimate} lie in long chains of loans"),
    "chain_cost_ratio": template("Over a chain of loans, fees are {estimate} times the principal of its first loan"),
    "fee_driven_ratio": template(
        "At equal affordability, borrowers return at {estimate} times the rate after fees twice as high"
    ),
    "inducement_cases": template(
        "Loans to which a checkout led, by credit on by default, a box ticked beforehand or a cost not shown: "
        "{estimate}"
    ),
    "preticked_credit_cases": template("Loans agreed by a box ticked beforehand: {estimate}"),
    "unsolicited_credit_cases": template("Loans that nobody asked for: {estimate}"),
    "push_effect": template(
        "By a holdout that was left to chance, being open to pushes adds {more} debt on each occasion"
    ),
    "push_association": template(
        "At equal strata and controls, customers who were pushed borrow {more} on each occasion than those who were not"
    ),
}
