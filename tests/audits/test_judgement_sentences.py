"""Every text of a judgement, read back from its file, is a sentence that is said in Chinese with the same figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import reports
from audits.catalogue import questions
from audits.policies.judge import judge
from audits.policies.packs import PolicyPack, find_pack, read_pack, shipped_packs
from audits.record import AuditRun, Judgement, Measurement, NotAnswered, Rule, RunError, canonical_json, read_record
from audits.simulation.catalogue import WORLDS
from audits.simulation.write import Simulation, write_simulation
from checks.inputs.loan_excess import CAP, CAPPED, cap_label
from checks.sentence import Sentence, said
from reports.words import language
from tests.audits.test_judge import LAW, a_run, measured
from tests.programs import BOSTON, ROOT, loans, run_program, write_program

CHINESE = language("zh-CN")
PACKS = [find_pack(name, ROOT) for name in shipped_packs()]
LOCALE = Path(reports.__file__).parent / "locale"
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{4}年\d{1,2}月\d{1,2}日")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
WHY = said("the record states no reason")
RULE_TEXTS = ("citation", "partial", "note", "borrowed_from", "formula")


def read_back(judgement: Judgement, folder: Path) -> Judgement:
    file = folder / "judgement.json"
    file.write_bytes(canonical_json(judgement))
    return read_record(Judgement, file)


def texts_of(judgement: Judgement) -> Iterator[str]:
    for finding in judgement.findings:
        yield finding.explanation
        yield from finding.cautions
    yield from (idle.reason for idle in judgement.rules_not_applied)


def parts_of(text: str) -> Iterator[Sentence]:
    """A sentence and every sentence among its values."""
    if isinstance(text, Sentence):
        yield text
        for value in text.values.values():
            if isinstance(value, str):
                yield from parts_of(value)


def placeholders(template: str) -> set[str]:
    return set(PLACEHOLDER.findall(template))


def unsaid(text: str) -> list[str]:
    """What keeps a text from being said in Chinese; a plain text within a template of no words would stay English."""
    if not isinstance(text, Sentence):
        return [f"no sentence: {text}"]
    found = []
    for part in parts_of(text):
        if not re.search("[A-Za-z]", PLACEHOLDER.sub("", part.template)) and part.template not in CHINESE.sentences:
            found += [value for value in part.values.values() if not isinstance(value, Sentence)]
        chinese = CHINESE.sentences.get(part.template, "")
        if not CHINESE.knows(part) or (chinese and placeholders(chinese) != placeholders(part.template)):
            found.append(part.template)
    return found


def figures_of(text: str) -> list[str]:
    return sorted(NUMBER.findall(DAY.sub("", text)))


# Runs made by hand, one for each way in which a judgement can speak


def gap(estimate: float, low: float | None, high: float | None, **changes) -> Measurement:
    return measured(estimate, low, high, **{"measure": "approval_gap", "equality": 0.0, **changes})


def at_most(limit: float, **changes) -> Rule:
    return replace(LAW, **{"measure": "approval_gap", "comparison": "at_most", "limit": limit, **changes})


def judged(figures: Iterable[Measurement], *rules: Rule, run: AuditRun | None = None, **how) -> Judgement:
    return judge(run or a_run(figures, **how), "d", [PolicyPack("p", {"en": "p"}, rules, "")])


def of_every_measure() -> Iterator[Judgement]:
    """Each measure on both sides of equality, undecided; one measure of rows that no question has."""
    known = {measure: kind.name for kind in questions().values() for measure in kind.measures}
    for measure, question in {**known, "unheard_of": "other.question"}.items():
        for estimate in (0.3, -0.3):
            figure = gap(estimate, -0.4, 0.4, measure=measure, question=question)
            yield judged([figure], at_most(0.05, measure=measure))
    yield judged([gap(0.3, 0.2, 0.4, measure="unheard_of", reference=None)], at_most(0.1, measure="unheard_of"))
    coverage = gap(0.3, 0.2, 0.4, measure="group_coverage", attribute="race", group=None, reference=None)
    yield judged([coverage], at_most(0.1, measure="group_coverage"))
    yield judged([replace(coverage, measure="unheard_of")], at_most(0.1, measure="unheard_of"))


def of_every_price() -> Iterator[Judgement]:
    """Figures of all rows, counted ones, amounts of money, one route alone, and every name that questions give."""
    told = ("loyalty_pricing", "predatory_lending")
    known = {m: kind.name for kind in questions().values() for m in kind.measures if kind.harm in told}
    for measure, question in known.items():
        whole = gap(0.3, 0.3, 0.3, measure=measure, question=question, attribute=None, group=None, reference=None)
        for changes in ({}, {"attribute": "visits"}, {"undecided": WHY, "unit": "GBP"}, {"estimate": -0.3}):
            yield judged([replace(whole, **changes)], at_most(0.05, measure=measure))
    one = gap(0.3, 0.2, 0.4, measure="renewal_above_enbp_share", question="loyalty_pricing.renewal_price")
    names = {
        "tenure": ("under 1", "under 2", "1+", "5+", "1", "2", "2-4", "0.5-<1.5", "missing"),
        "book": ("open", "closed"), "channel": ("a",), "product": ("a",), "payment method": ("a",), "device": ("a",),
        "spend history": ("a",), "price sensitivity": ("a",),
    }  # fmt: skip
    for attribute, labels in names.items():
        for label in labels:
            figure = replace(one, attribute=attribute, group=label)
            yield judged([figure], at_most(0.05, measure=one.measure))
    for capped in CAPPED:
        money = gap(0.3, 0.3, 0.3, measure="cap_excess_money", question="predatory_lending.cost_caps", attribute=CAP)
        figure = replace(money, group=cap_label(capped, 0.36), reference=None)
        yield judged([figure], at_most(0.05, measure=money.measure))


def of_every_access() -> Iterator[Judgement]:
    """Figures of everyone, of a stage, of the elderly, and every name that the audit makes."""
    known = {m: kind.name for kind in questions().values() for m in kind.measures if kind.harm == "digital_divide"}
    nobody = {"attribute": None, "group": None, "reference": None}
    ages = {"attribute": "age from 60", "group": "60+", "reference": "under 60"}
    for measure, question in known.items():
        figure = gap(0.3, 0.2, 0.4, measure=measure, question=question)
        for changes in ({**nobody, "low": 0.3, "high": 0.3}, {"segment": "a stage"}, ages):
            yield judged([replace(figure, **changes)], at_most(0.05, measure=measure))
    made = {"credit file": ("thin", "full"), "service channel": ("assisted", "digital")}
    for attribute, (group, reference) in made.items():
        names = {"attribute": attribute, "group": group, "reference": reference, "question": "digital_divide.thin_file"}
        figure = gap(0.3, 0.2, 0.4, measure="thin_file_approval_ratio", **names)
        for segment in ("all", "within strata"):
            yield judged([replace(figure, segment=segment)], at_most(0.05, measure=figure.measure))
        covered = {**nobody, "attribute": attribute, "question": "digital_divide.funnel"}
        coverage = gap(0.3, 0.2, 0.4, measure="person_coverage", **covered)
        yield judged([coverage], at_most(0.05, measure=coverage.measure))
    lost = gap(0.3, 0.2, 0.4, measure="stage_loss_share", question="digital_divide.funnel")
    for part in ("device old", "device unknown", "network 2g", "assisted yes", "assisted no", "hour 00-05"):
        yield judged([replace(lost, segment=f"a stage · {part}")], at_most(0.05, measure=lost.measure))


def of_every_model() -> Iterator[Judgement]:
    """Figures of a group, of everyone and of a part, to the harm or not, and every name that the audit makes."""
    known = {m: kind.name for kind in questions().values() for m in kind.measures if kind.harm == "explanation"}
    known |= dict.fromkeys(
        ("modelled_renewal_above_enbp_share", "modelled_renewal_overcharge"), "loyalty_pricing.renewal_price"
    )
    known["trait_flip_price_ratio"] = "loyalty_pricing.willingness_to_pay"
    nobody = {"attribute": None, "group": None, "reference": None}
    made = {"attribute": "time as a customer", "group": "renewing", "reference": "new"}
    for measure, question in known.items():
        for estimate in (0.3, -0.3):
            figure = gap(estimate, -0.4, 0.4, measure=measure, question=question)
            for changes in ({}, nobody, made, {"segment": "a feature"}, {**nobody, "segment": "a feature"}):
                yield judged([replace(figure, **changes)], at_most(0.05, measure=measure))
    area = gap(0.7, 0.6, 0.8, measure="proxy_auc", question="explanation.proxy_features", segment="best set")
    yield judged([area], at_most(0.6, measure="proxy_auc"))
    whole = {**nobody, "attribute": "time as a customer", "question": "explanation.shap_gap"}
    yield judged([gap(0.3, 0.2, 0.4, measure="person_coverage", **whole)], at_most(0.05, measure="person_coverage"))
    flips = {
        "tenure": "tenure", "device": "device", "channel": "service channel", "footprint": "credit file",
        "visits": "visits", "spend_history": "spend history", "elasticity_score": "price sensitivity",
        "age 62+ → 25": "age",
    }  # fmt: skip
    for segment, attribute in flips.items():
        for measure in ("flip_output_change", "trait_flip_price_ratio"):
            changes = {**nobody, "attribute": attribute, "segment": segment, "question": known[measure]}
            yield judged([gap(0.3, 0.2, 0.4, measure=measure, **changes)], at_most(0.05, measure=measure))


def of_every_count() -> Iterator[Judgement]:
    """Counted cases beyond a limit, and none of them with the bound that this sets."""
    rule = at_most(0.36, measure="highest_all_in_rate", test="census")
    for cases, value in ((7, 0.5), (0, 0.3)):
        figure = gap(
            value, value, value, measure="highest_all_in_rate", question="predatory_lending.cost_caps", group=None,
            reference=None, attribute=None, beyond=((0.36, cases),), details={"upper_share_of_none": 0.003},
        )  # fmt: skip
        yield judged([figure], rule)


def of_every_verdict() -> Iterator[Judgement]:
    for comparison, limit in (("at_most", 0.05), ("at_least", -0.05)):
        side = 1 if comparison == "at_most" else -1
        for test in ("interval", "point_and_significant", "census"):
            rule = at_most(limit, test=test, comparison=comparison)
            for ends in ((0.1, 0.2), (-0.3, -0.2), (0.0, 0.1)):
                low, high = sorted(side * end for end in ends)
                figure = gap((low + high) / 2, low, high)
                yield judged([figure], rule)
                yield judged([figure], replace(rule, status="guidance"))
    for mde in (None, 0.07):
        for equality in (None, 0.0):
            yield judged([gap(0.05, 0.0, None, mde=mde, equality=equality)], at_most(0.05))
    for low in (None, 0.0):
        yield judged([gap(0.05, low, 0.1, equality=None)], at_most(0.05))
    for reason in (None, WHY):
        yield judged([gap(None, None, None, reason=reason)], at_most(0.05))
    yield judged([gap(0.1, 0.0, 0.2)], at_most(0.05), fit=False)


def of_every_caution() -> Iterator[Judgement]:
    for status in ("guidance", "draft", "repealed", "convention"):
        yield judged([gap(0.2, 0.1, 0.3)], at_most(0.05, status=status, effective_to="2030-01-01"))
    scoped = at_most(
        0.05, verified=False, limit_source="ours", borrowed_from="United States employment guidelines",
        jurisdictions=("US",), products=("mortgage",), lenders=("bank",),
    )  # fmt: skip
    yield judged([gap(0.2, 0.1, 0.3)], scoped, first=None, last=None)
    yield judged([gap(0.2, 0.1, 0.3)], scoped, scope={"jurisdictions": ["US", "UK", "IN"]})
    for standing in ("primary", "exploratory"):
        run = a_run([gap(0.2, 0.1, 0.3, group=str(i)) for i in range(16)])
        run.program.content["audits"][standing] = [{"name": "fair_lending"}]
        run.program.content["audits"].pop("primary" if standing == "exploratory" else "exploratory")
        run.program.content["audits"].setdefault("primary", [])
        yield judged((), at_most(0.05), run=run)


def of_everything_unseen() -> Iterator[Judgement]:
    """Figures within their limit that are not clear."""
    shares = {"group_left_out_share": 0.2875, "reference_left_out_share": 0.06}
    for details in (shares, dict([*shares.items()][:1]), {"declared_strata_ignored": 1.0}):
        yield judged([gap(0.0, -0.1, 0.02, details=details, unseen=(WHY,))], at_most(0.05))
    run = a_run([gap(0.0, -0.1, 0.02)])
    yield judged((), at_most(0.05), run=replace(run, data=replace(run.data, undated=283)))


def of_every_idle_rule() -> Iterator[Judgement]:
    figure, rule = gap(0.2, 0.1, 0.3), at_most(0.05, effective_from=None)
    yield judged([figure], replace(rule, status="repealed"), replace(rule, id="a", effective_to="2024-06-01"))
    yield judged([figure], replace(rule, effective_from="2026-06-01"))
    for wanted in (("US",), ("UK",)):
        yield judged([figure], replace(rule, jurisdictions=wanted), scope={"jurisdictions": ["USA", "DE"]})
    run = a_run([figure])
    yield judged((), replace(rule, currency="GBP"), run=run)
    run.program.content["contract"] = {"loan_form": {"currency": "USD"}}
    yield judged((), replace(rule, currency="GBP"), run=run)
    lacking, planned = replace(rule, measure="rate_gap_bp"), replace(rule, id="b", measure="missing_model_records")
    run, question = a_run([figure]), "fair_lending.pricing"
    yield judged((), lacking, planned, run=run)
    yield judged((), lacking, run=replace(run, errors=(RunError(question, "it failed"),)))
    yield judged((), lacking, run=replace(run, not_answered=(NotAnswered(question, WHY, "a rate"),)))
    for first in (None, "2025-03-01"):
        for last in ("2025-09-01", None):
            dated = replace(rule, effective_from=first, effective_to=last)
            yield judged([figure], dated)
            yield judged([figure], dated, first=None, last=None)


MADE = {
    made.__name__.removeprefix("of_").replace("_", " "): list(made())
    for made in (
        of_every_measure, of_every_price, of_every_access, of_every_model, of_every_count, of_every_verdict,
        of_every_caution, of_everything_unseen, of_every_idle_rule,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_every_text_of_a_judgement_read_back_is_a_sentence_with_a_chinese_one(name, tmp_path):
    for judgement in MADE[name]:
        back = read_back(judgement, tmp_path)
        assert canonical_json(back) == canonical_json(judgement)
        assert list(texts_of(back))
        assert [lack for text in texts_of(back) for lack in unsaid(text)] == []


def test_the_runs_made_by_hand_reach_every_verdict_and_every_template_of_the_policies(tmp_path):
    judgements = [read_back(judgement, tmp_path) for made in MADE.values() for judgement in made]
    reached = {part.template for one in judgements for text in texts_of(one) for part in parts_of(text)}
    with (LOCALE / "policies.pot").open("rb") as file:
        known = {message.id for message in read_po(file) if message.id}
    assert known - reached == set()
    assert {finding.verdict for one in judgements for finding in one.findings} == {
        "breach", "concern", "clear", "inconclusive", "not_identified", "unfit",
    }  # fmt: skip


def test_the_chinese_text_has_the_figures_and_the_labels_of_the_english_one(tmp_path):
    for judgement in (one for made in MADE.values() for one in made):
        for text in texts_of(read_back(judgement, tmp_path)):
            chinese = CHINESE.sentence(text)
            assert figures_of(chinese) == figures_of(text), (text, chinese)
            labels = [v for part in parts_of(text) for v in part.values.values() if type(v) is str]
            assert [label for label in labels if CHINESE.date(label) not in chinese] == []


def test_a_level_that_rounds_at_its_last_digit_is_still_a_sentence_after_the_file(tmp_path):
    figures = [gap(0.0499, 0.0, 0.1, group=str(i)) for i in range(16)]  # read at 99.6875 %
    for text in texts_of(read_back(judged(figures, at_most(0.05)), tmp_path)):
        assert unsaid(text) == []


def test_words_of_a_banks_own_pack_stay_as_the_bank_wrote_them(tmp_path):
    rule = at_most(0.05, borrowed_from="our {draft} policy")
    (finding,) = read_back(judged([gap(0.2, 0.1, 0.3)], rule), tmp_path).findings
    assert finding.cautions == ("borrowed from our {draft} policy",)
    assert CHINESE.sentence(finding.cautions[0]) == "借用自our {draft} policy"


def test_a_text_of_a_rule_stands_on_one_line_as_the_catalogue_has_it(tmp_path):
    text = (ROOT / "audits/policies/packs/sg.yaml").read_text(encoding="utf-8")
    note = "the principles state no number; five percentage points are a setting of this pack"
    folded = text.replace(f"note: {note}", "note: |\n      " + note.replace("; ", ";\n        "))
    assert folded != text
    (tmp_path / "sg.yaml").write_text(folded, encoding="utf-8")
    assert read_pack(tmp_path / "sg.yaml").rules == next(pack for pack in PACKS if pack.id == "sg").rules


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.id)
def test_every_text_of_a_shipped_rule_has_a_chinese_one(pack):
    assert pack.title.get("zh")
    for rule in pack.rules:
        texts = [getattr(rule, name) for name in RULE_TEXTS]
        assert [text for text in texts if text and text not in CHINESE.sentences] == []
        assert re.search("[一-鿿]", rule.title.get("zh", "")), rule.id
        assert not re.search("[一-鿿》）][,:;(]|[)][一-鿿]", rule.title["zh"]), rule.id


# Runs of shipped programs and of simulated worlds, judged by every shipped pack


def own_texts(judgement: Judgement) -> Iterator[str]:
    """The texts of the judging; those that a figure brings along are the audits' own."""
    for finding in judgement.findings:
        m = finding.measurement
        brought = {*m.cautions, *m.unseen}
        yield finding.explanation
        yield from (caution for caution in finding.cautions if caution not in brought)
    yield from (idle.reason for idle in judgement.rules_not_applied)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    data = loans(5, 900)
    data.loc[data.index % 9 == 0, "region"] = None
    programs = [BOSTON, write_program(folder / "loans", data, audits={"primary": [], "exploratory": ["fair_lending"]})]
    for world in WORLDS:
        chosen = world()
        simulation = Simulation(chosen, 2000 * chosen.rows_each, chosen.example_effect, 3)
        programs.append(write_simulation(simulation, folder / chosen.name).program)
    return [run_program(program, folder / "out" / str(i)) for i, program in enumerate(programs)]


def test_judgements_of_shipped_programs_and_worlds_are_said_in_chinese(runs, tmp_path):
    assert len(runs) == 2 + len(WORLDS)
    for run, written in runs:
        for judgement in (written, read_back(judge(run, "d", PACKS), tmp_path)):
            assert list(texts_of(judgement))
            for text in own_texts(judgement):
                assert unsaid(text) == []


def test_the_file_of_a_judgement_holds_no_sentence_that_it_does_not_use(runs):
    for run, _ in runs:
        content = json.loads(canonical_json(judge(run, "d", PACKS)))
        table = content.pop("sentences")
        values = {value for entry in table.values() for value in entry["values"].values() if isinstance(value, str)}
        rest = canonical_json(content).decode()
        assert [text for text in table if text not in values and text not in rest] == []
