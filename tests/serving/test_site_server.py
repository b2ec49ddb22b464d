"""The site behind names and passwords, asked over real sockets."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from checks.problem import InputError
from reports.site.readers import add_readers, fits, hashed, read_readers
from squaredeal import app
from tests.stack import free_port

PASSWORD = "correct-horse-battery"
COMMAND = Path(sys.executable).parent / "squaredeal"


@contextmanager
def served(site: Path, users: Path, *more: str):
    port = free_port()
    words = ["serve-site", str(site), "--users", str(users), "--port", str(port), *more]
    process = subprocess.Popen([str(COMMAND), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            wait_for(client)
            yield client, port
    finally:
        process.terminate()
        told = process.communicate(timeout=20)[0]
    assert PASSWORD.encode() not in told


def wait_for(client: httpx.Client) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            client.get("/health")
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the site does not answer")


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    users = tmp_path_factory.mktemp("readers") / "users"
    add_readers(users, {"rita": PASSWORD, "omar": PASSWORD[::-1]})
    return users


@pytest.fixture(scope="module")
def running(tmp_path_factory, readers):
    site = tmp_path_factory.mktemp("www") / "site"
    (site / "programs" / "loans").mkdir(parents=True)
    (site / "index.html").write_text("<p>the first page")
    (site / "programs" / "loans" / "index.html").write_text("<p>loans")
    (site / "site.css").write_text("p { color: red }")
    (site / ".site.sqlite").write_text("hidden")
    (site.parent / "secret.txt").write_text("outside")
    (site / "out.txt").symlink_to(site.parent / "secret.txt")
    with served(site, readers, "--allowed-hosts", "audits.bank.example") as (client, port):
        yield client, port


RITA = ("rita", PASSWORD)


def test_readers_see_the_pages(running):
    client, _ = running
    page = client.get("/", auth=RITA)
    assert (page.status_code, page.text) == (200, "<p>the first page")
    assert client.get("/programs/loans/", auth=("omar", PASSWORD[::-1])).text == "<p>loans"
    assert client.get("/site.css", auth=RITA).headers["content-type"].startswith("text/css")
    again = client.get("/", auth=RITA, headers={"if-none-match": page.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "auth",
    [None, ("rita", "wrong-wrong-wrong"), ("nobody", PASSWORD), ("rita", ""), ("omar", PASSWORD), ("", PASSWORD)],
)
@pytest.mark.parametrize("path", ["/", "/nothing", "/.site.sqlite"])
def test_nobody_else_sees_anything(running, auth, path):
    client, _ = running
    answer = client.get(path, auth=auth) if auth else client.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert "first page" not in answer.text


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Bearer abc", "Basic cml0YQ==", "Basic " + "A" * 5000])
def test_broken_credentials_are_refused(running, header):
    assert running[0].get("/", headers={"authorization": header}).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_host_name_is_refused_even_with_a_password(running, host):
    assert running[0].get("/", auth=RITA, headers={"host": host}).status_code in (400, 421)
    assert running[0].get("/health", headers={"host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["audits.bank.example", "AUDITS.bank.example:443", "localhost:1"])
def test_allowed_host_names_are_served(running, host):
    assert running[0].get("/", auth=RITA, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/.site.sqlite", "/%2esite.sqlite", "/programs/../.site.sqlite", "/../secret.txt", "/%2e%2e/secret.txt"),
        *(
            "/programs/%2e%2e/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/out.txt",
            "/%00",
            "//etc/passwd",
            "/..%5csecret.txt",
        ),
    ],
)
def test_nothing_hidden_and_nothing_outside_is_served(running, path):
    """Over a bare socket, since a client would tidy the path."""
    import base64

    coded = base64.b64encode(":".join(RITA).encode()).decode()
    with socket.create_connection(("127.0.0.1", running[1]), timeout=20) as one:
        heads = f"Host: localhost\r\nAuthorization: Basic {coded}\r\nConnection: close"
        one.sendall(f"GET {path} HTTP/1.1\r\n{heads}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: one.recv(65536), b""))
    assert answer.split()[1] in (b"404", b"400", b"405")
    assert b"hidden" not in answer
    assert b"outside" not in answer


def test_every_answer_keeps_pages_to_themselves(running):
    for answer in (running[0].get("/", auth=RITA), running[0].get("/"), running[0].get("/health")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


def test_only_get_is_served(running):
    assert running[0].post("/", auth=RITA).status_code == 405
    assert running[0].put("/new.html", auth=RITA, content=b"x").status_code == 405


def test_health_says_only_ok(running):
    answer = running[0].get("/health")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_a_new_password_counts_at_once_and_a_lost_file_lets_nobody_in(tmp_path):
    users = tmp_path / "users"
    add_readers(users, {"rita": PASSWORD})
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("page")
    with served(tmp_path / "site", users) as (client, _):
        assert client.get("/", auth=RITA).status_code == 200
        add_readers(users, {"rita": "another-password-1"})
        assert client.get("/", auth=RITA).status_code == 401
        assert client.get("/", auth=("rita", "another-password-1")).status_code == 200
        users.unlink()
        assert client.get("/", auth=("rita", "another-password-1")).status_code == 401


def test_a_site_that_is_not_there_yet_says_what_to_do(tmp_path, readers):
    with served(tmp_path / "none", readers) as (client, _):
        answer = client.get("/", auth=RITA)
        assert answer.status_code == 404
        assert "squaredeal site RUNS --out SITE" in answer.text
        assert client.get("/").status_code == 401


@pytest.mark.parametrize("content", [None, "", "# nobody\n", "rita:plain-password\n", "rita:scrypt$2$8$1$AAAA$AAAA\n"])
def test_without_readers_the_server_refuses_to_start(tmp_path, content):
    users = tmp_path / "users"
    if content is not None:
        users.write_text(content)
    done = subprocess.run(
        [str(COMMAND), "serve-site", str(tmp_path), "--users", str(users)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "site-user" in done.stderr
    assert "plain-password" not in done.stderr


def test_the_command_adds_a_reader_without_telling_the_password(tmp_path):
    users, words = tmp_path / "users", ["site-user", "rita", "--users"]
    told = CliRunner().invoke(app, [*words, str(users)], env={"SQUAREDEAL_SITE_PASSWORD": PASSWORD})
    assert told.exit_code == 0
    asked = CliRunner().invoke(app, [*words, str(users)], input="a-typed-password\na-typed-password\n")
    assert asked.exit_code == 0
    for text in (told.output, asked.output, users.read_text()):
        assert PASSWORD not in text
        assert "a-typed-password" not in text
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    assert fits("a-typed-password", read_readers(users)["rita"])
    assert not fits(PASSWORD, read_readers(users)["rita"])
    short = CliRunner().invoke(app, [*words, str(users)], env={"SQUAREDEAL_SITE_PASSWORD": "short"})
    assert short.exit_code == 2
    assert "at least 12 characters" in short.output


def test_kept_readers_are_not_given_another_password(tmp_path):
    users = tmp_path / "users"
    add_readers(users, {"rita": PASSWORD})
    before = read_readers(users)["rita"]
    add_readers(users, {"rita": "another-password-1", "omar": PASSWORD}, keep=True)
    assert read_readers(users)["rita"] == before
    assert set(read_readers(users)) == {"rita", "omar"}


@pytest.mark.parametrize("name", ["", "a:b", "two words", "../x", "a\nb"])
def test_names_that_would_break_the_file_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="a name that is none"):
        add_readers(tmp_path / "users", {name: PASSWORD})
    assert not (tmp_path / "users").exists()


def test_the_same_password_twice_has_two_hashes():
    assert hashed(PASSWORD) != hashed(PASSWORD)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        add_readers(tmp_path / "file" / "users", {"rita": PASSWORD})
