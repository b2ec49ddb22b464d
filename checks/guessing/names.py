"""The words of a column's name: separators, camel case, customary abbreviations and Chinese,
all as English words."""

from __future__ import annotations

import re
import unicodedata

ABBREVIATIONS = {
    "amt": "amount", "amnt": "amount", "dt": "date", "ts": "time", "tm": "time", "no": "id", "num": "id",
    "number": "id", "nbr": "id", "nr": "id", "key": "id", "uid": "id", "uuid": "id", "ref": "id",
    "cust": "customer", "cst": "customer",
    "cli": "client", "app": "application", "appl": "application", "apply": "application", "applied": "application",
    "inc": "income", "yr": "year", "yrs": "year", "years": "year", "mth": "month", "mths": "month", "mos": "month",
    "months": "month", "days": "day", "pct": "percent", "prem": "premium", "prod": "product", "chan": "channel",
    "chnl": "channel", "ch": "channel", "flg": "flag", "ind": "flag", "indicator": "flag", "cd": "code",
    "seg": "segment", "int": "interest",
    "intr": "interest", "dflt": "default", "defaulted": "default", "dlq": "delinquent", "delinq": "delinquent",
    "delinquency": "delinquent",
    "gndr": "sex", "gender": "sex", "eth": "ethnicity", "ethnic": "ethnicity", "ethn": "ethnicity",
    "hispan": "hispanic", "rgn": "region",
    "reg": "region", "prov": "region", "dcsn": "decision", "decn": "decision", "dec": "decision", "sts": "status",
    "stat": "status", "stts": "status",
    "scr": "score", "wt": "weight", "wgt": "weight", "inst": "instalment", "installment": "instalment",
    "emi": "instalment", "ins": "insurance", "mkt": "market", "comp": "competitor", "prev": "previous",
    "lst": "last", "grp": "group", "occ": "occupation",
    "bal": "balance", "pmt": "payment", "pymt": "payment", "pay": "payment", "tech": "technical", "exp": "expected",
    "est": "expected", "pred": "expected",
    "appr": "approved", "approval": "approved", "approve": "approved", "accepted": "approved", "accept": "approved",
    "granted": "approved",
    "declined": "denied", "decline": "denied", "rejected": "denied", "reject": "denied", "refused": "denied",
    "deny": "denied", "rejection": "denied",
    "fees": "fee", "claim": "claims", "losses": "loss", "rsn": "reason", "reasons": "reason", "chrg": "charge",
    "qt": "quote", "pol": "policy", "acct": "account",
    "nbp": "enbp", "princ": "principal", "tnr": "tenure", "lim": "limit", "dob": "birth", "hist": "history",
    "ratio": "ratio", "util": "utilisation",
    "utilization": "utilisation", "mo": "month", "monthly": "month", "conn": "connection", "tenor": "term",
    "pts": "points",
    "equiv": "equivalent", "avg": "average", "attr": "attribute", "repayment": "repaid", "repay": "repaid",
    "buyer": "customer",
}  # fmt: skip
CHINESE = {
    "申请人": "applicant", "借款人": "borrower", "客户": "customer", "用户": "user", "会员": "member",
    "被保险人": "customer", "投保人": "customer", "申请": "application",
    "日期": "date", "时间": "time", "编号": "id", "号码": "id", "单号": "id", "序号": "id", "号": "id",
    "代码": "code", "标识": "id",
    "审批": "approved", "批准": "approved", "通过": "approved", "拒绝": "denied", "审核": "approved",
    "结果": "result", "状态": "status", "决定": "decision",
    "决策": "decision", "性别": "sex", "年龄段": "age group", "年龄": "age", "种族": "race", "民族": "ethnicity",
    "地区": "region", "区域": "region",
    "省份": "region", "省": "region", "城市": "region", "城乡": "area", "婚姻": "marital", "学历": "education",
    "教育": "education", "残疾": "disability", "户籍": "region", "户口": "region",
    "利率": "rate", "年化": "annual", "贷款": "loan", "借款": "loan", "合同": "contract", "保单": "policy",
    "金额": "amount", "本金": "principal", "期限": "term",
    "期数": "term month", "月收入": "income month", "收入": "income", "负债": "debt", "负债率": "dti",
    "债务": "debt", "保费": "premium", "价格": "price", "报价": "quote", "上年": "last", "市场": "market",
    "新客": "new customer",
    "成本": "cost", "纯保费": "technical premium", "赔款": "claims", "赔付": "claims", "理赔": "claims",
    "渠道": "channel", "产品": "product", "评分": "score", "信用分": "score", "分数": "score",
    "信用": "credit", "逾期": "overdue", "违约": "default", "还款": "repaid", "还清": "repaid", "结清": "repaid",
    "权重": "weight", "手续费": "fee", "服务费": "fee",
    "月供": "instalment", "保险费": "insurance", "原因": "reason", "设备": "device", "网络": "network",
    "手机": "phone", "姓名": "name", "身份证": "nationalid", "在网": "tenure", "客龄": "tenure", "年限": "tenure",
    "投保年数": "tenure", "续保": "renewal",
    "月数": "month", "年数": "year", "天数": "day", "曝光": "shown", "展示": "shown", "开始": "started",
    "提交": "submitted", "认证": "identity", "实名": "identity", "提现": "taken", "放款": "taken",
    "客群": "segment", "分群": "segment", "组": "group", "邮箱": "email", "电话": "phone",
    "推送": "pushed", "坏": "bad", "标志": "flag", "缴费": "payment", "方式": "method", "属性": "attribute",
    "流水": "case", "对照": "holdout", "风险": "risk", "用途": "purpose", "职业": "occupation", "历史": "history",
    "访问": "visits",
}  # fmt: skip
_LONGEST = max(map(len, CHINESE))


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, abbreviations written out,
    Chinese as English; digits alone are left out."""
    text = unicodedata.normalize("NFKC", name)[:400]
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    found: list[str] = []
    for piece in re.findall(r"[\u4e00-\u9fff]+|[^\W\d_\u4e00-\u9fff]+", text):
        if "\u4e00" <= piece[0] <= "\u9fff":
            found += _chinese(piece)
        else:
            low = piece.lower()
            found.append(ABBREVIATIONS.get(low, low))
    return tuple(found)


def _chinese(piece: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(piece):
        for size in range(min(_LONGEST, len(piece) - at), 0, -1):
            known = CHINESE.get(piece[at : at + size])
            if known:
                found += known.split()
                at += size
                break
        else:
            at += 1
    return found
