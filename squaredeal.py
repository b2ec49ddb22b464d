"""The command line of Squaredeal: nothing but commands.

Exit codes: 0 finished; 1 a verdict reached --fail-on; 2 the input cannot be used (program,
source or unfit data); 3 the run finished but a question failed with an error.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from checks.problem import InputError, Problem, listed, suggest
from checks.whole_file import unwritten, write_whole

app = typer.Typer(
    help="Audits lending and pricing models for harm to consumers.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    epilog="Exit codes: 0 finished; 1 a verdict reached --fail-on; 2 the input cannot be used; 3 a question failed.",
)  # fmt: skip
ProgramFile = Annotated[
    str, typer.Argument(metavar="PROGRAM", help="A program file, or the name of a shipped program.")
]
Out = Annotated[Path, typer.Option(help="Folder for runs: OUT/PROGRAM/PERIOD/vN.")]
PeriodText = Annotated[str, typer.Option("--period", help="all, 2026, 2026-Q3, 2026-10, 2026-10-05 or FIRST..LAST.")]
Force = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Day that freshness counts from, YYYY-MM-DD.")]


@app.command()
def run(
    program: ProgramFile,
    out: Out = Path("runs"),
    period: PeriodText = "all",
    as_of: AsOf = None,
    fail_on: Annotated[
        str | None, typer.Option(help="End with exit code 1 at this verdict or worse: breach, concern, inconclusive.")
    ] = None,
    mlflow: Annotated[
        str | None, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow store to track the run in.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
) -> None:
    """Audit a program: check the data, measure, judge, write the records and the page."""
    with _plain_errors():
        from reports.outcome import check_fail_on

        check_fail_on(fail_on, "--fail-on")
        asked, day, days = _read(program), _day(as_of), _period(period)
        with _progress(quiet) as announce, _registry(mlflow):
            from audits.run import audit, read_run
            from reports.outcome import exit_code, summary
            from reports.publish import publish

            folder = audit(asked, days, out, as_of=day, announce=announce)
            announce("writing the page" + (" and tracking in MLflow" if mlflow else ""))
            page = publish(folder, mlflow)
        records = read_run(folder)
        typer.echo("\n".join(summary(*records)))
        typer.echo(f"  report: {page}")
        raise typer.Exit(exit_code(*records, fail_on))


@app.command()
def check(program: ProgramFile, period: PeriodText = "all", as_of: AsOf = None) -> None:
    """Read a program and run its data checks only; nothing is measured or written."""
    with _plain_errors():
        asked, day, days = _read(program), _day(as_of), _period(period)
        with _progress() as announce:
            import datetime as dt

            from audits.plan import make_plan
            from checks.gate import run_checks
            from checks.inputs.source import open_source

            make_plan(asked)
            announce("opening the source")
            with open_source(asked, days) as source:
                announce("checking the data with Great Expectations")
                last = days.end - dt.timedelta(days=1) if days.end else None
                report = run_checks(source, asked, day or last or dt.datetime.now(dt.UTC).date())
        for result in report.results:
            word = "ok     " if result.success else "FAILED " if result.on_failure == "stop" else "warning"
            column = f" [{result.column}]" if result.column else ""
            typer.echo(f"{word} {result.expectation}{column}: expected {result.expected}; found {result.observed}")
            if not result.success:
                typer.echo(f"        to do: {result.remedy} ({asked.where(result.place)})")
        typer.echo(f"{'fit' if report.fit else 'UNFIT'}: {len(report.results)} checks, "
                   f"{len(report.failures)} failed, {len(report.warnings)} warnings")  # fmt: skip
        raise typer.Exit(0 if report.fit else 2)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run, with run.json and judgement.json.")],
    out: Annotated[Path | None, typer.Option(help="File to write instead of the pages in that folder.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the page that --out names: en or zh-CN.")] = "en",
) -> None:
    """Write the pages of a finished run, or of a search for remedies, again from its records, in both languages."""
    with _plain_errors():
        from audits.remedies.records import REMEDIES_FILE
        from reports.publish import check_language, write_page, write_pages
        from reports.remedies_page import write_remedies_page, write_remedies_pages

        check_language(lang)
        searched = (folder / REMEDIES_FILE).is_file()
        one, all_of_them = (write_remedies_page, write_remedies_pages) if searched else (write_page, write_pages)
        try:
            typer.echo(one(folder, out, lang) if out else all_of_them(folder))
        except OSError as error:
            raise InputError(Problem(
                str(out or folder), f"the page cannot be written ({error.strerror})", "a folder that can be written to",
                "name another file with --out",
            )) from None  # fmt: skip


@app.command()
def site(
    runs: Annotated[Path, typer.Argument(help="Folder of runs, RUNS/PROGRAM/PERIOD/vN, as run --out wrote it.")],
    out: Annotated[Path, typer.Option(help="Folder of the site.")] = Path("site"),
    on: Annotated[str | None, typer.Option(help="Day that acceptances are read on, YYYY-MM-DD; else today.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
) -> None:
    """Make or renew a static site of all runs of all programs: what is open, in which program, under which rule."""
    with _plain_errors():
        with _progress(quiet) as announce:
            from reports.site.build import build

            built = build(runs, out, announce, _day(on, "--on"))
        typer.echo(f"{built.programs:,} programs, {built.runs:,} runs ({built.read:,} read); "
                   f"{built.written:,} files written, {built.removed:,} removed")  # fmt: skip
        if built.unreadable:
            typer.echo(f"  {built.unreadable:,} run folders cannot be read; the site says why")
        typer.echo(f"  site: {out / 'index.html'}")


@app.command()
def serve(
    home: Annotated[Path, typer.Option(help="Folder of databases, logs, secrets and site.")] = Path("serve"),
    programs: Annotated[Path, typer.Option(help="Folder of program files; each is a DAG.")] = Path("dags/programs"),
    out: Out = Path("runs"),
    users: Annotated[
        str | None, typer.Option(help="Users to make, as ada:Admin,ben:Op; roles Admin, Op, User, Viewer.")
    ] = None,
    airflow_port: Annotated[int, typer.Option(min=0, max=65535, help="0: the one of before, else a free one.")] = 0,
    mlflow_port: Annotated[int, typer.Option(min=0, max=65535, help="The same of the MLflow server.")] = 0,
    site_port: Annotated[int, typer.Option(min=0, max=65535, help="The same of the report site.")] = 0,
    pools: Annotated[Path | None, typer.Option(help="JSON file of pools, as 'airflow pools import' reads it.")] = None,
) -> None:
    """Start Airflow, MLflow and the report site, with a Postgres of their own, for named users of this machine.

    Stays in the foreground; Ctrl-C or SIGTERM ends everything that was started.
    """
    with _plain_errors(), _progress() as announce:
        from dags.serving.serving import Asked, serve

        ports = {"airflow": airflow_port, "mlflow": mlflow_port, "site": site_port}
        raise typer.Exit(serve(Asked(home, programs, out, users, ports, pools), announce, typer.echo))


@app.command()
def doctor(
    programs: Annotated[
        Path, typer.Option(envvar="SQUAREDEAL_PROGRAMS", help="Folder of program files; each is a DAG.")
    ] = Path("dags/programs"),
    out: Annotated[Path, typer.Option(envvar="SQUAREDEAL_OUT", help="Folder for runs.")] = Path("runs"),
    mlflow: Annotated[str | None, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow store to try.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what works here, what is missing or broken, and what to do; exit code 2 where something needed does not."""
    from dags.doctoring.examine import examine
    from dags.doctoring.finding import Asked, encoding
    from dags.doctoring.telling import as_json as as_object
    from dags.doctoring.telling import lines

    found = [encoding(sys.stdout), *examine(Asked(programs, out, mlflow))]
    if as_json:
        import json

        typer.echo(json.dumps(as_object(found), indent=1))
    else:
        typer.echo("\n".join(lines(found)))
    raise typer.Exit(2 if any(one.fails for one in found) else 0)


@app.command("serve-site")
def serve_site(
    site: Annotated[Path, typer.Argument(envvar="SQUAREDEAL_SITE", help="Folder of the site.")],
    users: Annotated[
        Path, typer.Option(envvar="SQUAREDEAL_SITE_USERS", help="File of readers, as site-user writes it.")
    ],
    host: Annotated[str, typer.Option(envvar="SQUAREDEAL_SITE_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65535, envvar="SQUAREDEAL_SITE_PORT", help="Port to listen on.")
    ] = 8090,
    allowed_hosts: Annotated[
        str,
        typer.Option(envvar="SQUAREDEAL_SITE_ALLOWED_HOSTS", help="Names in addresses beside loopback's, by commas."),
    ] = "",
) -> None:
    """Serve a site to named readers, over HTTP with names and passwords; for TLS put a reverse proxy in front."""
    with _plain_errors():
        from reports.site.server import serve_site as serve

        serve(site, users, host, port, tuple(name.strip() for name in allowed_hosts.split(",") if name.strip()))


@app.command("site-user")
def site_user(
    name: Annotated[str, typer.Argument(help="Name of a reader.")],
    users: Annotated[Path, typer.Option(envvar="SQUAREDEAL_SITE_USERS", help="File of readers.")],
) -> None:
    """Add a reader of the site, or change a password: it is asked for, or read from SQUAREDEAL_SITE_PASSWORD."""
    with _plain_errors():
        from reports.site.readers import add_readers

        password = os.environ.get("SQUAREDEAL_SITE_PASSWORD") or typer.prompt(
            "Password", hide_input=True, confirmation_prompt=True
        )
        add_readers(users, {name: password})
        typer.echo(f"{users}: {name} may read the site")


@app.command()
def findings(
    runs: Annotated[Path, typer.Argument(help="Folder of runs, RUNS/PROGRAM/PERIOD/vN, as run --out wrote it.")],
    verdict: Annotated[str | None, typer.Option(help="Only findings of this verdict, such as breach.")] = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="Only this state: open (also reopened, expired), accepted, expired, remediated, reopened, "
            "unsettled, retested, closed. Without it, all that are not closed."
        ),
    ] = None,
    program: Annotated[str | None, typer.Option(help="Only this program.")] = None,
    production: Annotated[
        bool, typer.Option("--production", help="Only programs in production: not stage development or retired.")
    ] = False,
    on: Annotated[
        str | None, typer.Option(help="The day that acceptances are read on, YYYY-MM-DD; else today.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    fail_on: Annotated[
        str | None, typer.Option(help="open: end with exit code 1 where a finding that is asked for is open.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify instead that no release was changed; exit code 1 where one was.")
    ] = False,
    mlflow: Annotated[
        str | None, typer.Option(help="MLflow store whose tags of all programs are renewed for that day.")
    ] = None,
) -> None:
    """Tell where the findings of all programs stand: which models have an open breach, who accepted what until when.

    Reads judgements and releases. Nothing can be released here, where nobody is authenticated: sign in the scheduler.
    Exit code 3 where a folder cannot be read; 2 where the tags in MLflow were to be renewed and not all could be.
    """
    with _plain_errors():
        import datetime as dt
        import json

        from audits.releases.lives import standings
        from reports import findings_text as text

        asked, day = text.Asked(verdict, state, program, production), _day(on, "--on") or dt.date.today()
        asked.check()
        text.check_open(fail_on)
        text.check_runs(runs, program)
        if verify:
            code = text.verify(runs, program, typer.echo)
        else:
            found = standings(runs, day, [program] if program else None)
            if as_json:
                typer.echo(json.dumps(text.as_json(found, asked), indent=1, ensure_ascii=False, sort_keys=True))
            else:
                typer.echo("\n".join(text.lines(found, asked)))
            code = text.exit_code(found, asked, fail_on)
        if mlflow:  # last: what was found is told even where the store refuses, or a folder cannot be read
            from reports.tracking import renew_status

            number = renew_status(runs, mlflow, day)
            typer.echo(f"renewed the tags of {number} program{'s' if number != 1 else ''} in MLflow", err=True)
        raise typer.Exit(code)


@app.command("return")
def fill_return(
    kind: Annotated[str, typer.Argument(metavar="RETURN", help="rep021, the FCA's report on pricing.")],
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, with run.json.")],
    out: Annotated[Path | None, typer.Option(help="File to write instead of printing it.")] = None,
) -> None:
    """Fill a regulator's return from the aggregates of a finished run, as CSV; no data are read."""
    with _plain_errors():
        from reports.returns import RETURNS

        if kind not in RETURNS:
            raise InputError(Problem("RETURN", f"'{kind}'", f"one of {listed(RETURNS)}", suggest(kind, RETURNS)))
        text = RETURNS[kind](folder)
        if out is None:
            typer.echo(text, nl=False)
            return
        try:
            write_whole(out, text.encode())
        except OSError as error:
            raise InputError(Problem(
                str(out), f"the return cannot be written ({error.strerror})",
                "a file in a folder that can be written to", "name another file with --out",
            )) from None  # fmt: skip
        typer.echo(out)


@app.command()
def rows(
    finding: Annotated[
        str, typer.Argument(metavar="FINDING", help="Identifier of a finding that counts cases or compares groups.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, with run.json.")],
    out: Annotated[Path, typer.Option(help="File to write; only its owner may read it.")] = Path("rows.csv"),
    program: Annotated[str | None, typer.Option(help="The program file, where it has moved since the run.")] = None,
    by_entity: Annotated[
        Path | None, typer.Option(help="A second file with the money beyond the limit by customer.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Rows of compared groups to fetch at most.")] = 1_000_000,
    force: Force = False,
) -> None:
    """Fetch the rows behind a finding from the source, with the source's credentials, as CSV: its cases, or groups."""
    with _plain_errors():
        from audits.rows_beyond import fetched, program_of
        from audits.rows_program import files_behind
        from checks.inputs.program import read_program
        from checks.new_files import check_new, write_closed

        asked = Path(program) if program else program_of(folder)
        check_new({"--out": out, "--by-entity": by_entity}, force, files_behind(read_program(asked)))
        found = fetched(folder, finding, asked, by_entity=by_entity is not None, most=most)
        try:
            write_closed({out: found.text} | ({by_entity: found.by_entity} if by_entity else {}))
        except OSError as error:
            raise InputError(Problem(
                str(error.filename or out), f"the rows cannot be written ({error.strerror})",
                "a file in a folder that can be written to", "name another file with --out or --by-entity",
            )) from None  # fmt: skip
        some = f" of {found.of:,}, drawn by the hash of their unit" if (found.of or 0) > found.rows else ""
        whose = ", those of the groups that the figure compares" if found.compared else ""
        typer.echo(f"{out}: {found.rows:,} rows{some}{whose}")
        if by_entity is not None:
            typer.echo(f"{by_entity}: {found.entities:,} customers")
            if found.without_entity:
                money = ", ".join(f"{amount:,.2f} {currency}".strip() for currency, amount in found.without_money)
                typer.echo(f"{found.without_entity:,} rows name no customer and are in no sum: {money}")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or a judgement kept there: before.")],
    after: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of another run, or judgement: after.")],
    out: Annotated[Path | None, typer.Option(help="File of a page to write beside the text.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File of the record to write.")] = None,
    lang: Annotated[str, typer.Option(help="Language of text and page: en or zh-CN.")] = "en",
    fail_on: Annotated[
        str | None, typer.Option(help="worse: end with exit code 1 where a finding got worse, or lost its clear.")
    ] = None,
    force: Force = False,
) -> None:
    """Tell what changed from one finished run to another, from their records: inputs, verdicts, figures."""
    with _plain_errors():
        from checks.new_files import check_new
        from reports.publish import check_language
        from reports.publish_comparison import check_worse, compared, write_comparison

        check_language(lang)
        check_worse(fail_on, "--fail-on")
        check_new({"--out": out, "--json": json_file}, force)
        found, lines = compared(before, after, lang)
        files = write_comparison(found, lang, out, json_file)
        typer.echo("\n".join(lines))
        for file in files:
            typer.echo(f"  written: {file}")
        raise typer.Exit(1 if fail_on and found.fails else 0)


@app.command()
def remedies(
    program: ProgramFile,
    out: Out = Path("runs"),
    period: PeriodText = "all",
    as_of: AsOf = None,
    mlflow: Annotated[
        str | None, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow store to track the search in.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
) -> None:
    """Search for models that treat groups more alike and serve as well; choose one, and certify it on untouched rows.

    Runs the program's own training code, which it must trust. Writes OUT/PROGRAM/PERIOD/remedies/vN.
    """
    with _plain_errors():
        asked, day, days = _read(program), _day(as_of), _period(period)
        with _progress(quiet) as announce:
            from audits.remedies.station import find_remedies, read_remedies
            from reports.remedies_page import publish_remedies
            from reports.remedies_text import summary

            folder = find_remedies(asked, days, out, as_of=day, announce=announce)
            announce("writing the page" + (" and tracking in MLflow" if mlflow else ""))
            page = publish_remedies(folder, mlflow)
        typer.echo("\n".join(summary(read_remedies(folder))))
        typer.echo(f"  page: {page}")


@app.command()
def schema(
    record: Annotated[str, typer.Argument(help="run, judgement, release, comparison or remedies")] = "run",
) -> None:
    """Print the JSON Schema of a record."""
    with _plain_errors():
        import json

        from audits.comparing.record import Comparison
        from audits.record import AuditRun, Judgement, json_schema
        from audits.releases.record import Release
        from audits.remedies.records import RemedyRecord

        kinds: dict[str, type[Any]] = {
            "run": AuditRun, "judgement": Judgement, "release": Release, "comparison": Comparison,
            "remedies": RemedyRecord,
        }  # fmt: skip
        if record not in kinds:
            raise InputError(Problem("schema", f"'{record}'", f"one of {listed(kinds)}", suggest(record, kinds)))
        typer.echo(json.dumps(json_schema(kinds[record]), indent=1, ensure_ascii=False, sort_keys=True))


@app.command()
def judge(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, with run.json.")],
    policies: Annotated[
        list[str] | None, typer.Option(help="A pack by name or file; repeatable, or a list with commas.")
    ] = None,
    fail_on: Annotated[
        str | None, typer.Option(help="End with exit code 1 at this verdict or worse: breach, concern, inconclusive.")
    ] = None,
) -> None:
    """Judge a finished run again, without its data: under other policies, or under a pack that was changed."""
    with _plain_errors():
        from audits.policies.again import judge_again, packs_named
        from audits.run import read_run
        from reports.outcome import check_fail_on, exit_code, summary
        from reports.publish import write_pages

        check_fail_on(fail_on, "--fail-on")
        kept = judge_again(folder, packs_named(folder, policies or ()))
        page = write_pages(folder)
        records = read_run(folder)
        typer.echo("\n".join(summary(*records)))
        if kept:
            typer.echo(f"  the judgement before: {kept}")
        typer.echo(f"  report: {page}")
        raise typer.Exit(exit_code(*records, fail_on))


@app.command()
def policies(
    names: Annotated[
        list[str] | None, typer.Argument(help="Packs by name or file; all shipped ones by default.")
    ] = None,
    on: Annotated[str | None, typer.Option(help="Only rules in force on this day, YYYY-MM-DD.")] = None,
    rule: Annotated[str | None, typer.Option(help="Explain this one rule in full, by its id.")] = None,
) -> None:
    """List and explain the rules of policy packs: limit, test, formula, status, dates, scope, what each can say."""
    with _plain_errors():
        from audits.policies.listing import describe, describe_rule
        from audits.policies.packs import find_pack, shipped_packs

        day = _day(on, "--on")
        packs = [find_pack(name, Path.cwd()) for name in names or shipped_packs()]
        owners = {one.id: (one, pack) for pack in packs for one in pack.rules}
        if rule is not None and rule not in owners:
            raise InputError(Problem(
                "--rule", f"unknown rule '{rule}'", f"one of {listed(owners)}", suggest(rule, owners)
            ))  # fmt: skip
        told = [describe_rule(*owners[rule], day)] if rule else [describe(pack, day) for pack in packs]
        typer.echo("\n".join(line for lines in told for line in lines))


@app.command()
def init(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, compressed CSV or Parquet; or a pattern.")],
    out: Annotated[Path | None, typer.Option(help="Program file to write; by default FILE's name with .yaml.")] = None,
    force: Force = False,
) -> None:
    """Write a first program for a data file: roles guessed from names and values, each marked with its reason."""
    with _plain_errors():
        from audits.first_file import begin, told

        typer.echo("\n".join(told(begin(file, out, force))))


@app.command()
def simulate(
    world: Annotated[str | None, typer.Argument(help="Name or code of a world; without one they are listed.")] = None,
    rows: Annotated[int, typer.Option(help="Rows to write.")] = 100_000,
    effect: Annotated[float, typer.Option(help="Size of the planted harm; 0 is the fair twin.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Another seed draws other rows of the same world.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for data, program and truth.")] = Path("simulated"),
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Another name for a column or a label; repeatable.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files of an earlier simulation.")] = False,
    only_list: Annotated[bool, typer.Option("--list", help="List the worlds, one a line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
) -> None:
    """Write a simulated world with known truth: data, a program that audits them, truth.json."""
    with _plain_errors():
        from audits.simulation.catalogue import describe, find_world
        from audits.simulation.write import Simulation, read_names, write_simulation

        if world is None or only_list:
            typer.echo("\n".join(describe()))
            return
        simulation = Simulation(find_world(world), rows, effect, seed, read_names(rename or ()))
        with _progress(quiet) as announce:
            announce(f"drawing {rows:,} rows")
            files = write_simulation(simulation, out, force, announce)
        typer.echo(f"{files.data}\n{files.truth}\naudit it with: squaredeal run {files.program}")
        if simulation.world.remedies():
            typer.echo(f"look for another model with: squaredeal remedies {files.program}")


@app.command()
def notify(program: Annotated[str, typer.Argument(help="A program file.")]) -> None:
    """Send a test notice to those whom a program names, by Airflow's connections."""
    with _plain_errors():
        from dags.notices.trying import try_notice

        typer.echo("\n".join(try_notice(_read(program))))


@app.command()
def demo(out: Annotated[Path, typer.Option(help="Folder for the demonstration.")] = Path("demo")) -> None:
    """Audit the shipped program and simulated companies through Airflow, find a remedy; print what was found."""
    with _plain_errors():
        from dags.demonstration import demonstrate

        with _progress() as announce:
            lines = demonstrate(out.absolute(), announce)
        typer.echo("\n".join(lines))


def _read(program: str) -> Any:
    from checks.inputs.program import read_program

    folder = Path(__file__).resolve().parent / "dags" / "programs"
    if os.sep in program or program.endswith((".yaml", ".yml")) or os.path.isfile(program):
        return read_program(Path(program))
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    if program in names:
        return read_program(folder / f"{program}.yaml")
    kind = "a folder" if os.path.isdir(program) else "no such file, and no shipped program of that name"
    raise InputError(Problem(
        program or "''", kind, f"a program file, or one of {listed(names)}", suggest(program, names)
    ))  # fmt: skip


def _period(text: str) -> Any:
    from checks.inputs.period import read_period

    return read_period(text)


def _day(text: str | None, option: str = "--as-of") -> Any:
    import datetime as dt

    if text is None:
        return None
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise InputError(Problem(option, f"'{text}'", "a day as YYYY-MM-DD", "write for instance 2026-10-31")) from None


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Problems with the input go to standard error, one after another, with exit code 2."""
    try:
        yield
    except InputError as error:
        problems = error.problems
    except BrokenPipeError:
        raise
    except OSError as error:
        problems = (unwritten(error),)
    else:
        return
    typer.echo(f"squaredeal: {len(problems)} problem{'s' if len(problems) > 1 else ''}", err=True)
    for problem in problems:
        typer.echo(f"\n{problem}", err=True)
    raise typer.Exit(2)


@contextlib.contextmanager
def _registry(uri: str | None) -> Iterator[None]:
    """The store of ``--mlflow`` as the place where the program's model is found, as long as the command runs."""
    name = "MLFLOW_TRACKING_URI"
    before = os.environ.get(name)
    if uri:
        os.environ[name] = uri
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


@contextlib.contextmanager
def _progress(quiet: bool = False) -> Iterator[Any]:
    """Announce stations with the time since the start: a live line on a terminal, else one line each."""
    start = time.monotonic()
    if quiet:
        yield lambda _text: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            station = progress.add_task("starting", total=None)
            yield lambda text: progress.update(station, description=text)
    else:
        yield lambda text: typer.echo(f"[{time.monotonic() - start:5.1f} s] {text}", err=True)


def main() -> None:
    """Entry point of the command ``squaredeal``. A fault of ours is told by its places: its text may quote rows."""
    from checks.foreign_text import places_of

    try:
        app()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - ends as Python would end it, without the text
        typer.echo("\n".join(places_of(error)), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
