"""What looks like a person and what does not: labels of every kind without an alarm, generated persons found."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.personal_data import Looked, personal_results, suspicions
from checks.personal_kinds import kinds_in
from checks.personal_tables import FAMILY_ZH, GIVEN, GIVEN_ZH, SURNAMES
from tests.programs import ROOT, loans, write_program

LABELS = {
    "payment_method": [
        "Bank Transfer",
        "Direct Debit",
        "Credit Card",
        "Cash on Delivery",
        "Apple Pay",
        "Alipay",
        "Wire",
    ],
    "country": ["United Kingdom", "United States", "New Zealand", "Costa Rica", "South Korea", "Saint Lucia", "Jordan"],
    "ethnicity": [
        "White British",
        "White Irish",
        "Black Caribbean",
        "Mixed White and Asian",
        "Han",
        "Hui",
        "Zhuang",
        "Black or African American",
        "Hispanic or Latino",
        "American Indian or Alaska Native",
        "Not stated",
    ],
    "region": [
        "North West",
        "Yorkshire and the Humber",
        "East Midlands",
        "West Virginia",
        "South Carolina",
        "Greater London",
        "St. Louis",
        "San Jose",
        "Virginia Beach",
        "Charlotte",
        "Madison",
        "Houston",
        "Jackson",
        "Lincoln",
    ],
    "product": [
        "Rose Gold Card",
        "Student Loan Plus",
        "Fixed 5 Year",
        "Motor Comprehensive",
        "Young Driver",
        "Grace Period",
        "Premier Rewards",
        "Home and Contents",
        "Black Card",
        "Christian Savings",
        "Mark Up",
        "Jasmine Plan",
    ],
    "channel": ["branch", "Online", "Mobile App", "call-centre 0800", "Broker 24/7", "email", "phone", "tel"],
    "reason": [
        "Debt-to-income ratio too high",
        "No credit history",
        "Insufficient collateral (code 3)",
        "R01",
        "A-17",
        "Income 12,000-18,000 GBP",
        "Application 2026-01-05 lapsed",
        "Unable to verify address",
        "Score < 620",
    ],
    "band": [
        "18-24",
        "25-39",
        "under 18",
        "62+",
        "0.5-<1.5",
        "100,000-250,000",
        "2026-Q3",
        "2026-10-05",
        "12/05/2026 10:20",
    ],
    "product_zh": [
        "金卡",
        "白金卡",
        "黄金会员",
        "消费贷款",
        "安心保",
        "车险",
        "高端医疗险",
        "万能险",
        "农村信用贷",
        "方案一",
    ],
    "region_zh": [
        "江苏",
        "江西省",
        "云南",
        "黄山市",
        "安徽",
        "高雄",
        "金华",
        "温州",
        "石家庄市",
        "马鞍山",
        "龙岩",
        "东方市",
    ],
    "ethnicity_zh": ["汉族", "回族", "壮族", "满族", "维吾尔族", "白族", "黎族", "高山族"],
    "reason_zh": [
        "负债过高",
        "收入不足",
        "高风险客户",
        "信用记录不足",
        "马上重新申请",
        "资料不全",
        "白名单外",
        "余额不足",
    ],
    "education_zh": ["高中", "初中及以下", "本科", "硕士", "博士", "大专", "白领", "蓝领", "万元以下", "方言区"],
    "code": [
        "7",
        "1111",
        "4321-22",
        "AB12",
        "SW1A 1AA",
        "E14 5AB",
        "90210-1234",
        "US-CA",
        "GB-ENG",
        "LEI5493001KJTIIGC8Y1R12",
    ],
}


def looked(column: str, values: list[str], whole: bool = True) -> Looked:
    digits = sum(value.replace(" ", "").replace("-", "").isdigit() for value in values) > len(values) / 2
    return Looked(column, tuple(sorted(set(values))), digits, whole)


@pytest.mark.parametrize("column", LABELS)
def test_usual_labels_give_no_alarm(column):
    assert list(suspicions(looked(column, LABELS[column]), shown=True)) == []


PERSONAL = {
    "s.thompson@mail.example": "email", "write to a.b+c@bank.co.uk.": "email", "+44 20 7946 0958": "phone",
    "call 0086 139 1234 5678": "phone", "13912345678": "phone", "139 1234 5678": "phone", "07700 900 123": "phone",
    "(212) 736-5000": "phone", "010-62771234": "phone", "123-45-6789": "national_id", "QQ 12 34 56 C": None,
    "AB 12 34 56 C": "national_id", "11010519491231002X": "national_id", "110105194912310021": None,
    "4111 1111 1111 1111": "card", "4111 1111 1111 1112": None, "5500005555555559": "card", "378282246310005": "card",
    "6222020200112233445": None, "GB82 WEST 1234 5698 7654 32": "iban", "GB83 WEST 1234 5698 7654 32": None,
    "DE89370400440532013000": "iban", "refused, see Emma Robinson": "name", "王秀英": "name", "欧阳建国": "name",
    "000-12-3456": None, "12345678Z": "national_id", "12345678A": None, "1,391,234,567.89": None,
}  # fmt: skip


@pytest.mark.parametrize("value", PERSONAL)
def test_single_values(value):
    assert kinds_in(value) == (frozenset() if PERSONAL[value] is None else {PERSONAL[value]})


def persons(rng: np.random.Generator, rows: int) -> dict[str, list[str]]:
    """Persons put together from tables, a third of them with rare names that no table holds."""
    rare = ["Pemberton", "Okonkwo", "Szymanski", "Achterberg", "Featherstone", "Yamamoto"]
    given = [name.title() for name in sorted(GIVEN)] + ["Aoife", "Siobhan", "Thandiwe", "Bjorn", "Xiomara"] * 20
    family = [name.title() for name in sorted(SURNAMES)] + rare * 12
    zh, signs = sorted(FAMILY_ZH), sorted(GIVEN_ZH) + list("德荣福安平和山石木一")
    born = [date(1950, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 19000, rows)]
    weights, checks = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"
    first = [f"110105{day:%Y%m%d}{number:03d}" for day, number in zip(born, rng.integers(0, 999, rows), strict=True)]
    luhn = [f"4{number:014d}" for number in rng.integers(0, 10**14, rows)]
    return {
        "name": [f"{rng.choice(given)} {rng.choice(family)}" for _ in range(rows)],
        "name_zh": [rng.choice(zh) + "".join(rng.choice(signs, rng.integers(1, 3))) for _ in range(rows)],
        "email": [f"{rng.choice(given)}.{i}@mail.example".lower() for i in range(rows)],
        "phone": [
            f"1{rng.choice([38, 39, 50, 51, 52, 58, 59, 77, 86, 87, 88, 35])}{rng.integers(10**8):08d}"
            for _ in range(rows)
        ],
        "national_id": [one + checks[sum(int(d) * w for d, w in zip(one, weights, strict=True)) % 11] for one in first],
        "card": [
            one + str(-sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(one)) % 10) for one in luhn
        ],
    }


@pytest.mark.parametrize("rows", [60, 1500])
@pytest.mark.parametrize("kind", ["name", "name_zh", "email", "phone", "national_id", "card"])
def test_columns_of_generated_persons_are_found_without_a_hint_of_their_name(kind, rows):
    for seed in range(10):
        values = persons(np.random.default_rng(seed), rows)[kind]
        found = {one.kind for one in suspicions(looked("x", values, whole=False), shown=False)}
        assert kind.removesuffix("_zh") in found, seed


NUMBERS = {
    "counted up": lambda rng: [str(13_000_000_000 + i) for i in range(1500)],
    "eleven digits": lambda rng: [str(n) for n in rng.integers(10**10, 10**11, 1500)],
    "nine digits": lambda rng: [str(n) for n in rng.integers(10**8, 10**9, 1500)],
    "sixteen digits": lambda rng: [str(n) for n in rng.integers(10**15, 10**16, 1500)],
    "thirteen digits": lambda rng: [str(n) for n in rng.integers(1_600_000_000_000, 1_800_000_000_000, 1500)],
    "hexadecimal": lambda rng: [rng.bytes(16).hex() for _ in range(1500)],
    "letters and digits": lambda rng: [f"LN-{n:08d}" for n in rng.integers(0, 10**8, 1500)],
}


@pytest.mark.parametrize("numbers", NUMBERS)
def test_keys_and_amounts_give_no_alarm(numbers):
    for seed in range(10):
        values = NUMBERS[numbers](np.random.default_rng(seed))
        assert list(suspicions(looked("key", values, whole=False), shown=False)) == [], seed


@pytest.mark.parametrize(
    "world", ["strata", "ten-groups", "motor-renewals", "steered-loans", "targeted-pushes", "thin-files"]
)
def test_simulated_worlds_give_no_alarm(tmp_path, world):
    from typer.testing import CliRunner

    from squaredeal import app

    made = CliRunner().invoke(app, ["simulate", world, "--rows", "4000", "--effect", "0", "--out", str(tmp_path / "w")])
    assert made.exit_code == 0, made.output
    programs = [file for file in (tmp_path / "w").glob("*.yaml") if "\naudits:" in file.read_text()]
    assert programs
    for file in programs:
        program = read_program(file)
        with open_source(program, Period()) as source:
            assert personal_results(source, program) == ()


@pytest.mark.parametrize("file", sorted((ROOT / "dags" / "programs").glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_programs_give_no_alarm(file: Path):
    program = read_program(file)
    with open_source(program, Period()) as source:
        assert personal_results(source, program) == ()


def test_columns_that_the_contract_does_not_use_are_not_read(tmp_path):
    data = loans().assign(note="s.thompson@mail.example")
    program = read_program(write_program(tmp_path, data))
    with open_source(program, Period()) as source:
        assert personal_results(source, program) == ()


def test_any_order_of_rows_gives_the_same_sentence(tmp_path):
    data = loans(rows=9000).assign(customer=lambda frame: [f"p{i}@mail.example" for i in range(len(frame))])
    told = []
    for order in (data, data.sample(frac=1, random_state=3)):
        file = write_program(tmp_path, order)
        program = yaml.safe_load(file.read_text())
        program["contract"]["entity"] = "customer"
        file.write_text(yaml.safe_dump(program))
        read = read_program(file)
        with open_source(read, Period()) as source:
            told.append(personal_results(source, read))
    assert told[0] == told[1]
    assert told[0][0].unexpected == told[0][0].rows > 500


def test_numbers_written_as_floats_are_phones_too(tmp_path):
    phones = [float(one) for one in persons(np.random.default_rng(1), 1500)["phone"]]
    file = write_program(tmp_path, loans().assign(burden=pd.Series(phones)))
    program = read_program(file)
    with open_source(program, Period()) as source:
        assert [(one.column, one.success) for one in personal_results(source, program)] == [("burden", False)]
