"""What columns of each role are customarily called, in the words of ``names.words``; and what their values say."""

from __future__ import annotations

# words of which each alternative needs all; the first of a role's are no better than the last
CALLED: dict[str, tuple[str, ...]] = {
    "decision": ("decision", "approved", "denied", "status", "result", "verdict", "action", "approved result",
                 "approved status"),
    "outcome": ("repaid", "default", "bad", "delinquent", "overdue", "charged off", "outcome", "paid off",
                "good bad", "target", "performance", "repaid status", "status", "loan status", "paid back",
                "good bad flag", "default flag"),
    "score": ("score", "rating", "fico", "credit score", "scorecard", "points", "scorecard points"),
    "price": ("price", "premium", "quote", "quoted price", "quote price", "tariff", "gross premium",
              "written premium"),
    "rate": ("rate", "apr", "interest", "interest rate", "annual rate", "coupon", "rate spread"),
    "cost": ("technical cost", "technical premium", "technical price", "expected cost", "risk premium",
             "burning cost",
             "cost", "expected claims", "pure premium", "model cost", "expected loss"),
    "realised_cost": ("claims", "incurred", "claims cost", "paid claims", "actual cost", "realised cost",
                      "incurred loss", "incurred claims", "actual loss", "claims amount", "loss amount"),
    "market_price": ("market price", "market premium", "competitor price", "competitor premium", "rival price",
                     "market quote", "benchmark price"),
    "new_customer_price": ("enbp", "new business price", "new customer price", "new business premium",
                           "new customer premium", "equivalent new", "new price", "new business quote"),
    "prior_price": ("prior price", "last premium", "previous premium", "previous price", "last price",
                    "expiring premium", "prior premium"),
    "tenure": ("tenure", "loyalty", "year customer", "month customer", "customer year", "year held", "year with us",
               "month with us", "year with", "month with",
               "relationship year", "year relationship", "relationship month",
               "month on book", "vintage", "year insured", "customer age", "renewal count", "seniority",
               "tenure year", "tenure month"),
    "weight": ("weight", "sample weight", "sampling weight", "survey weight"),
    "entity": ("customer", "applicant", "client", "borrower", "person", "member", "user", "policyholder",
               "household", "consumer", "party"),
    "denial_reasons": ("denied reason", "reason", "adverse reason", "reason code"),
    "loan.amount": ("amount", "loan amount", "principal", "credit amount", "loan size", "advance",
                    "loan principal"),
    "loan.term_months": ("term", "loan term", "term month", "duration month", "maturity month", "duration",
                         "loan term month"),
    "loan.fees": ("fee", "origination fee", "upfront fee", "arrangement fee", "fee amount"),
    "loan.instalment": ("instalment", "monthly payment", "payment month", "instalment amount", "payment amount"),
    "loan.income": ("income", "annual income", "income annual", "income year", "income month", "monthly income"),
    "loan.insurance": ("insurance", "insurance amount", "credit insurance"),
    "loan.debt_service": ("debt service", "monthly debt"),
    "loan.credit_limit": ("credit limit", "limit", "card limit"),
    "loan.disclosed_apr": ("disclosed apr", "apr disclosed", "stated apr"),
    "terms.product": ("product", "product code", "product type", "product name", "plan", "loan type", "cover",
                      "cover type"),
    "terms.channel": ("channel", "distribution channel", "channel code", "sales channel", "source channel"),
    "terms.payment_method": ("payment method", "payment frequency", "payment type", "payment plan", "payment mode"),
    "terms.personalised": ("personalised", "personalized", "by model"),
    "terms.disclosed": ("disclosed", "disclosure", "told"),
    "terms.pushed": ("pushed", "push", "offer sent", "push sent", "market push", "contacted", "marketing",
                     "prompted"),
    "terms.holdout": ("holdout", "held out", "hold out", "control group", "in control", "holdout group"),
    "terms.borrowed": ("borrowed", "borrowed amount", "drawn", "drawn amount", "drawdown", "withdrawn amount"),
    "behaviour.device": ("device", "device type", "handset", "browser", "platform", "phone type"),
    "behaviour.visits": ("visits", "visit", "app visits", "visit count", "sessions", "logins", "application visits",
                         "web visits"),
    "strata": ("segment", "stratum", "strata", "business line", "portfolio", "customer segment"),
    "funnel.reach": ("shown", "seen", "reached", "impression", "exposed", "viewed", "displayed"),
    "funnel.start": ("began", "begun", "started", "start", "opened", "clicked", "form started"),
    "funnel.identity": ("proved", "identity", "verified", "kyc", "identified", "identity passed", "identity ok",
                        "kyc passed", "ekyc", "verification"),
    "funnel.submit": ("sent", "submitted", "submit", "completed", "form submitted", "form sent"),
    "funnel.price": ("taken", "taken up", "disbursed", "funded", "signed", "drawn down", "accepted offer", "bought",
                     "purchased"),
    "thin_file.filled_decision": ("filled", "filled decision", "filled approved", "imputed decision",
                                  "decision filled"),
    "funnel.network": ("network", "connection", "network type", "bandwidth", "signal", "network quality",
                       "connectivity"),
}  # fmt: skip
GROUPS: dict[str, tuple[str, ...]] = {
    "sex": ("sex", "male", "female", "woman", "women"),
    "race": ("race", "black", "white", "asian", "minority", "colour"),
    "ethnicity": ("ethnicity", "hispanic", "latino", "ethnicity group"),
    "age": ("age", "age group", "age band", "age range", "age year", "applicant age", "customer age", "age bucket",
            "age class", "elderly", "senior"),
    "region": ("region", "area", "state", "province", "city", "district", "county", "rural", "urban", "urban rural",
               "urbanicity",
               "settlement", "postcode area", "geography", "area type"),
    "marital": ("marital", "married", "marital status"),
    "disability": ("disability", "disabled", "vulnerable", "vulnerability"),
    "religion": ("religion", "faith"),
    "nationality": ("nationality", "citizenship", "migrant", "immigrant", "national origin"),
    "education": ("education", "schooling"),
    "group": ("group", "attribute", "protected", "protected group", "protected class", "cohort", "demographic",
              "demographic group", "protected attribute", "class protected", "population group"),
}  # fmt: skip
CONTROLS = frozenset({
    "risk", "dti", "burden", "income", "history", "credit", "ltv", "debt", "ratio", "delinquent", "utilisation",
    "bureau",
    "obligation", "savings", "collateral", "employment", "balance", "liquidity", "assets", "inquiries", "arrears",
    "leverage", "grade", "solvency", "pd", "indebtedness", "earnings", "salary",
})  # fmt: skip
FILLERS = frozenset({
    "flag", "code", "value", "the", "of", "is", "has", "was", "loan", "application", "customer", "applicant",
    "borrower", "client", "final", "current",
    "type", "name", "id", "y", "n", "x", "at", "on", "by", "for", "with", "us", "our", "as", "uw", "underwriting",
    "model", "average", "avg", "web", "os", "bucket", "m",
    "address", "addr", "home", "renewal", "driver", "insured", "range", "vehicle", "if", "ever", "fully", "ok",
    "amount", "gross", "grade", "to", "in", "percent", "annual", "total", "net",
    "credit", "policy", "contract", "account", "group", "status",
    "result", "level", "band", "category", "label", "bin", "desc", "text", "gbp", "usd", "cny", "eur", "motor",
    "month", "year", "self", "reported", "offered", "offer",
    "line", "form", "agreed", "charged", "quoted", "sum", "number", "count", "actual", "main", "recorded", "class",
    "decision", "date", "time",
})  # fmt: skip
GOOD = frozenset({
    "approved", "approve", "accepted", "accept", "granted", "grant", "yes", "y", "true", "1", "1.0", "originated",
    "pass", "passed",
    "funded", "issued", "批准", "通过", "同意", "是", "已批准", "已通过", "审批通过", "核准", "放款", "a", "offer",
    "won", "ok",
})  # fmt: skip
REFUSED = frozenset({
    "denied", "deny", "rejected", "reject", "declined", "decline", "refused", "refuse", "no", "n", "false", "0",
    "0.0", "fail",
    "failed", "拒绝", "不通过", "未通过", "否", "不批准", "已拒绝", "审批拒绝", "d", "r", "turned down",
})  # fmt: skip
REPAID = frozenset({
    "repaid", "paid", "fully paid", "good", "performing", "no default", "paid off", "settled", "paid back", "正常",
    "已还清", "结清", "已结清", "已还", "否",
})  # fmt: skip
LOST = frozenset({
    "default", "defaulted", "bad", "charged off", "late", "overdue", "delinquent", "written off", "逾期", "违约",
    "未还", "是", "坏账",
})  # fmt: skip
BAD_NAMES = frozenset({"default", "bad", "delinquent", "overdue", "charged", "late", "loss", "arrears"})
TIMES = ("decision", "approved", "application", "quote", "originated", "issue", "granted", "event", "created",
    "start", "sign", "loan", "contract", "policy")  # fmt: skip
NO_TIMES = frozenset(
    {"birth", "due", "repaid", "end", "maturity", "expiry", "closed", "updated", "update", "load", "loaded"}
)
KEYS = frozenset(
    {"id", "case", "record", "row", "index", "sn", "serial", "guid", "rowid", "caseid", "ticket", "file", "reference"}
)
