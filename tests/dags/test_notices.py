"""Notices against mail servers and receivers that really listen."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from audits.record import RunError, canonical_json
from audits.run import read_run
from checks.inputs.operation import Notify
from checks.inputs.program import AuditProgram, read_program
from checks.problem import InputError
from dags.notices import Notice, notice_of, send, sending, webhook
from dags.notices.payload import payload
from dags.notices.plain import plain
from dags.notices.trying import try_notice
from dags.notices.wording import page, subject, text
from tests.mailboxes import certificate, connection, hook_server, mail_server
from tests.operated import write_operated
from tests.released import judged_run

MAIL, HOOK = Notify(mail=("risk@bank.example",)), Notify(webhook="hook")
SENDER = {"from_email": "audit@bank.example"}
OPEN = {**SENDER, "disable_tls": True}


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr(sending, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(webhook, "WAIT", (1.0, 0.5))


@pytest.fixture
def program(tmp_path) -> AuditProgram:
    return read_program(write_operated(tmp_path, "cards", 0.1, rows=200))


@pytest.fixture
def notice(tmp_path, program) -> Notice:
    return notice_of(judged_run(tmp_path / "runs", {"a": "breach", "b": "concern", "c": "clear"}), program, "flagged")


def _sent(notice, notify, **about):
    found = connection(**about)
    return send(notice, notify, lambda name: found)


def _smtp(box, **about):
    return {"conn_type": "smtp", "host": "127.0.0.1", "port": box.port, "extra_dejson": OPEN} | about


def test_a_mail_tells_finding_owner_and_link(tmp_path, program, monkeypatch):
    monkeypatch.setenv("SQUAREDEAL_SITE_URL", "https://audits.bank.example/")
    folder = judged_run(tmp_path / "runs", {"c": "clear", "b": "concern", "a": "breach"})
    with mail_server() as box:
        assert _sent(notice_of(folder, program, "flagged"), MAIL, **_smtp(box)) == ()
    (mail,) = box.mails
    assert " ".join(mail["Subject"].split()) == (
        "[Squaredeal] A breach or a concern was found: Loans of cards (cards 的贷款), 2026-01 v1"
    )
    assert (mail["From"], mail["To"]) == ("audit@bank.example", "risk@bank.example")
    for kind in ("plain", "html"):
        told = mail.get_body((kind,)).get_content()
        assert "lending-team" in told
        assert "models:/credit version 7" in told
        assert "https://audits.bank.example/programs/cards/2026-01--v1.html" in told
        assert "1 breach, 1 concern, 1 clear" in told
        assert told.index("finding a") < told.index("finding b")
        assert "finding c" not in told


def test_starttls_and_a_login(tmp_path, notice):
    pem = certificate(tmp_path)
    extra = {**SENDER, "ca_file": str(pem)}
    with mail_server(pem, ("audit", "pw-1")) as box:
        about = _smtp(box, login="audit", password="pw-1", extra_dejson=extra)
        assert _sent(notice, MAIL, **about) == ()
        assert box.encrypted == [True]
        assert box.logins == ["audit"]
        (refused,) = _sent(notice, MAIL, **{**about, "password": "pw-2"})
        assert "(535)" in refused
        assert "pw-2" not in refused
        assert box.logins == ["audit"] * 3  # a session more, in which PLAIN and LOGIN are offered once each
        (unknown,) = _sent(notice, MAIL, **{**about, "extra_dejson": SENDER})
        assert "no trusted TLS" in unknown
        assert _sent(notice, MAIL, **{**about, "extra_dejson": {**SENDER, "ssl_context": "none"}}) == ()
    assert len(box.mails) == 2


def test_a_server_without_starttls_gets_no_mail_unless_that_is_said(notice):
    with mail_server() as box:
        (told,) = _sent(notice, MAIL, **_smtp(box, extra_dejson=SENDER))
    assert "offers no STARTTLS" in told
    assert not box.mails


def test_a_password_is_not_sent_in_the_clear(notice):
    (told,) = _sent(
        notice, MAIL, conn_type="smtp", host="mail.bank.example", port=25, login="audit", password="pw-1",
        extra_dejson=OPEN,
    )  # fmt: skip
    assert "a password is sent encrypted only" in told
    assert "pw-1" not in told


def test_a_login_on_this_machine_needs_no_encryption(notice):
    with mail_server(login=("audit", "pw-1"), encrypted_logins=False) as box:
        assert _sent(notice, MAIL, **_smtp(box, login="audit", password="pw-1")) == ()
    assert len(box.mails) == 1


def test_a_mail_that_is_refused_for_now_is_sent_again_and_one_refused_for_good_is_not(notice):
    with mail_server() as box:
        box.refusals += ["451 later", "451 later"]
        assert _sent(notice, MAIL, **_smtp(box)) == ()
        box.refusals += ["554 no"]
        (told,) = _sent(notice, MAIL, **_smtp(box))
        assert "(554)" in told
        assert len(box.mails) == 1  # it was not tried again
        (told,) = _sent(notice, Notify(mail=("nobody@bank.example", "risk@bank.example")), **_smtp(box))
        assert "refused nobody@bank.example; the others were sent it" in told
        (told,) = _sent(notice, Notify(mail=("nobody@bank.example",)), **_smtp(box))
        assert "the recipients (550)" in told
    assert len(box.mails) == 2
    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"]


def test_a_webhook_is_signed_and_keeps_its_key(notice):
    with hook_server() as hook:
        about = {"host": f"{hook.url}/a?b=1", "password": "s3cret", "extra_dejson": {"headers": {"X-Team": "risk"}}}
        assert _sent(notice, HOOK, **about) == () == _sent(notice, HOOK, **about)
    (path, headers, body), again = hook.requests
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Squaredeal-Signature"] == f"sha256={expected}"
    assert (path, headers["X-Team"], again[2]) == ("/a?b=1", "risk", body)
    said = json.loads(body)
    assert said["key"] == headers["Idempotency-Key"] == notice.key
    assert said["schema_version"] == "1.0"
    assert [one["verdict"] for one in said["findings"]] == ["breach", "concern"]
    assert said["program"] == {
        "name": "cards", "title": {"en": "Loans of cards", "zh": "cards 的贷款"}, "owner": "lending-team", "tier": "1",
    }  # fmt: skip


def test_a_webhook_without_a_secret_is_not_signed(notice):
    with hook_server() as hook:
        _sent(notice, HOOK, host=hook.url)
    assert "X-Squaredeal-Signature" not in hook.requests[0][1]


def test_a_receiver_that_fails_twice_is_asked_a_third_time(notice):
    with hook_server(500, 503, 200) as hook:
        assert _sent(notice, HOOK, host=hook.url) == ()
    assert len(hook.requests) == 3


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (429, 3), (401, 1), (404, 1), (302, 1)])
def test_what_a_receiver_refuses_is_told(notice, status, tries, caplog):
    with hook_server(status) as hook, caplog.at_level(logging.ERROR):
        (told,) = _sent(notice, HOOK, host=f"{hook.url}/token-abc", password="s3cret")
    assert len(hook.requests) == tries
    assert f"127.0.0.1 answered {status}" in told
    assert "flagged" in caplog.text
    assert "token-abc" not in caplog.text
    assert "s3cret" not in caplog.text


def test_a_receiver_that_hangs_is_given_up(notice):
    before = time.monotonic()
    with hook_server(hang=2) as hook:
        (told,) = _sent(notice, HOOK, host=hook.url)
        assert time.monotonic() - before < 4
        assert "does not answer (ReadTimeout)" in told


def test_a_receiver_that_refuses_and_a_mail_server_that_is_away_are_both_told(notice):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: it refuses
        port = taken.getsockname()[1]
        found = {
            "squaredeal_smtp": connection(host="127.0.0.1", port=port, extra_dejson=OPEN),
            "hook": connection(host=f"http://127.0.0.1:{port}"),
        }
        told = send(notice, Notify(mail=MAIL.mail, webhook="hook"), found.__getitem__)
    assert "does not answer (ConnectionRefusedError), 3 times" in told[0]
    assert "127.0.0.1 does not answer (ConnectionError), 3 times" in told[1]


def test_one_way_that_fails_does_not_hold_up_the_other(notice):
    with mail_server() as box:
        found = {"squaredeal_smtp": connection(**_smtp(box))}
        (told,) = send(notice, Notify(mail=MAIL.mail, webhook="hook"), found.__getitem__)
    assert "'hook': it cannot be had (KeyError)" in told
    assert len(box.mails) == 1


@pytest.mark.parametrize(("about", "address"), [
    ({"host": "https://h.example/x"}, "https://h.example/x"),
    ({"host": "https://h.example", "extra_dejson": {"path": "/x"}}, "https://h.example/x"),
    ({"host": "h.example", "schema": "https", "port": 8443, "extra_dejson": {"path": "x"}}, "https://h.example:8443/x"),
    ({"conn_type": "https", "host": "h.example", "schema": "x/y"}, "https://h.example/x/y"),
    ({"host": "h.example"}, "http://h.example/"),
])  # fmt: skip
def test_where_a_connection_points(about, address):
    assert webhook.address(connection(**about)) == address


@pytest.mark.parametrize("host", ["file:///etc/passwd", "", "ftp://h.example"])
def test_an_address_that_is_none(notice, host):
    (told,) = _sent(notice, HOOK, host=host)
    assert "no http(s) address" in told


def test_titles_and_labels_break_neither_headers_nor_pages(tmp_path, program):
    evil = "Loans\r\nBcc: all@bank.example\r\n\r\n<script>alert(1)</script>\u202e"
    named = replace(program, title={"en": evil}, inventory={"owner": '"><img src=x>', "tier": "1"})
    folder = judged_run(tmp_path / "runs", {"a": "breach"})
    _, judgement = read_run(folder)
    spoken = replace(judgement.findings[0], explanation='<a href="javascript:x">group\nA</a>')
    (folder / "judgement.json").write_bytes(canonical_json(replace(judgement, findings=(spoken,))))
    made = notice_of(folder, named, "flagged")
    with mail_server() as box:
        assert _sent(made, MAIL, **_smtp(box)) == ()
    (mail,) = box.mails
    assert mail["Bcc"] is None
    assert "Loans Bcc: all@bank.example" in mail["Subject"]
    shown = page(made)
    assert "<script" not in shown
    assert "<img" not in shown
    assert "javascript:x&quot;" in shown
    assert "\u202e" not in shown + text(made) + payload(made).decode()


def test_many_findings_are_cut(tmp_path, program):
    made = notice_of(judged_run(tmp_path / "runs", {f"f{i}": "breach" for i in range(14)}), program, "flagged")
    assert len(made.findings) == 10
    assert made.more == 4
    assert "- and 4 more" in text(made)


def test_no_path_and_no_password_of_a_reason_is_told(tmp_path, program):
    reason = f"{program.file}, line 3: postgresql://ada:pw-1@db.bank.example/x does not answer; see /var/log/air/x.log"
    made = notice_of(None, program, "failed", reason=reason, task="pull", run_id="r1")
    told = text(made) + page(made) + payload(made).decode()
    assert "cards.yaml, line 3" in told
    assert "db.bank.example" in told
    assert "x.log" in told
    assert str(tmp_path) not in told
    assert "pw-1" not in told
    assert "/var/log" not in told


def test_what_looks_like_no_path_stays():
    assert plain("models:/credit/7, and/or 1/2, https://a.example/b/c") == (
        "models:/credit/7, and/or 1/2, https://a.example/b/c"
    )


def test_the_key_is_that_of_what_is_told(tmp_path, program):
    folder = judged_run(tmp_path / "runs", {"a": "breach"})
    keys = {
        notice_of(folder, program, "flagged").key, notice_of(folder, program, "awaiting").key,
        notice_of(None, program, "failed", task="pull", run_id="r1").key,
        notice_of(None, program, "failed", task="check", run_id="r1").key,
        notice_of(None, program, "failed", task="pull", run_id="r2").key,
    }  # fmt: skip
    assert len(keys) == 5
    assert notice_of(folder, program, "flagged").key in keys
    assert subject(notice_of(None, program, "late")).endswith("Loans of cards (cards 的贷款)")


def test_unfit_data_are_told_by_their_checks_without_values(tmp_path):
    file = write_operated(tmp_path, "odd", 0.1, rows=300)
    text_of = Path(file).read_text(encoding="utf-8").replace("reference: north", "reference: nowhere")
    file.write_text(text_of, encoding="utf-8")
    from audits.run import audit
    from checks.inputs.period import Period

    program = read_program(file)
    folder = audit(program, Period(), tmp_path / "runs")
    run, _ = read_run(folder)
    made = notice_of(folder, program, "unfit")
    assert not run.checks.fit
    assert made.checks
    assert made.findings == ()
    stopped = [result for result in run.checks.failures if result.on_failure == "stop"]
    assert [one.place for one in made.checks] == [result.place for result in stopped]
    assert stopped[0].remedy.split()[0] in text(made)


def test_a_test_notice_by_hand(tmp_path, monkeypatch):
    file = write_operated(tmp_path, "tried", 0.1, {"notify": {"webhook": "tried_hook"}}, rows=50)
    with hook_server(200, 404) as hook:
        monkeypatch.setenv("AIRFLOW_CONN_TRIED_HOOK", json.dumps({"conn_type": "http", "host": hook.url}))
        assert try_notice(read_program(file)) == ["webhook: accepted by 'tried_hook'"]
        with pytest.raises(InputError, match="answered 404"):
            try_notice(read_program(file))
    assert json.loads(hook.requests[0][2])["kind"] == "test"


def test_a_test_notice_of_a_program_that_names_nobody(program):
    with pytest.raises(InputError, match=r"write operation\.notify"):
        try_notice(program)


def test_a_question_that_failed_is_not_called_a_breach(tmp_path, program):
    folder = judged_run(tmp_path / "runs", {"a": "clear"}, errors=(RunError("fair_lending.pricing", "KeyError"),))
    made = notice_of(folder, program, "flagged")
    assert subject(made).startswith("[Squaredeal] A question failed: ")
    assert json.loads(payload(made))["failed_questions"] == ["fair_lending.pricing"]
    assert "Questions that failed: fair_lending.pricing" in text(made)
