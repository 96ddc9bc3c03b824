"""The command `cognito-jupyter`, run as a user runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
import requests

from cognito_jupyter.demo.check import DemoCheckError, run_notebook
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito
from tests.support.forked_commands import Commands
from tests.support.new_processes import run_program
from tests.support.polling import TEST_TIMEOUT
from tests.support.systems import needs_shell, needs_sigint, needs_sigkill
from tests.test_outside_text import HOSTILE_NAME, assert_printable

COMMAND = [sys.executable, "-m", "cognito_jupyter.cli"]


@contextmanager
def running(*words: str, until: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Runs the command; yields the process, and what it printed up to a pattern."""
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = ""
    try:
        while not re.search(until, printed):
            line = process.stdout.readline()
            assert line, f"It ended: {printed}"
            printed += line
        yield process, printed
    finally:
        process.kill()
        process.communicate()


def process_tree(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=TEST_TIMEOUT)
    # A zombie has ended too: its parent has not yet read its exit code.
    left = []
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(process.cmdline())
    assert left == []


def listening(processes: list[psutil.Process]) -> set[str]:
    """Returns the addresses at which processes listen."""
    found = set()
    for process in processes:
        connections = process.net_connections("inet")
        found |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    return found


def test_local_prints_settings_that_work() -> None:
    with running("local", "--json", "--no-aws", "--id-token-seconds", "60", until=r"\}\}") as (_, printed):
        printed_settings = json.loads(printed)
        domain = printed_settings["environment"]["COGNITO_DOMAIN"]
        pool = printed_settings["environment"]["COGNITO_USER_POOL_ID"]
        document = requests.get(f"{domain}/{pool}/.well-known/openid-configuration", timeout=5).json()
        assert document["token_endpoint"] == f"{domain}/oauth2/token"
        knobs = requests.get(
            f"{printed_settings['admin']['url']}/knobs",
            headers={"X-Admin-Token": printed_settings["admin"]["token"]},
            timeout=5,
        ).json()
        assert knobs["id_token_seconds"] == 60
        assert set(printed_settings["user"]) == {"username", "password"}


def test_local_can_be_another_kind_of_pool() -> None:
    """In two Regions, with a client secret, and with an issuer whose URLs lead back to it."""
    options = ["--region", "eusc-de-east-1", "--identity-pool-region", "eu-west-1", "--client-secret"]
    with running("local", "--json", "--no-aws", "--issuer-type", "LOCAL", *options, until=r"\}\}") as (_, printed):
        environment = json.loads(printed)["environment"]
        pool_id = environment["COGNITO_USER_POOL_ID"]
        assert pool_id.startswith("eusc-de-east-1_")
        assert environment["COGNITO_IDENTITY_POOL_ID"].startswith("eu-west-1:")
        assert environment["COGNITO_CLIENT_SECRET"]
        issuer = f"{environment['COGNITO_DOMAIN']}/{pool_id}"
        document = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()
        assert document["issuer"] == issuer
        assert requests.get(document["jwks_uri"], timeout=5).json()["keys"]


def test_local_takes_the_ids_of_a_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "cognito.toml"
    file.write_text(
        'user_pool_id = "eu-west-1_AbCdEf123"\n[profile.staging]\nclient_id = "2example"\n', encoding="utf-8"
    )
    options = ("--settings", str(file), "--profile", "staging")
    with running("local", "--json", "--no-aws", *options, until=r"\}\}") as (_, printed):
        environment = json.loads(printed)["environment"]
    assert environment["COGNITO_USER_POOL_ID"] == "eu-west-1_AbCdEf123"
    assert (environment["COGNITO_CLIENT_ID"], environment["COGNITO_REGION"]) == ("2example", "eu-west-1")


@needs_shell
def test_local_is_what_a_template_describes() -> None:
    """A knob that is given counts before the template's."""
    template = Path(__file__).parents[2] / "deploy" / "cognito-jupyter.yaml"
    options = [
        "--template",
        str(template),
        "--parameter",
        "DomainPrefix=your-app",
        "--parameter",
        "DataBucket=your-data",
    ]
    with running("local", "--no-aws", *options, "--grace", "5", until="Ctrl-C") as (_, printed):
        exports = dict(re.findall(r"^export (\w+)=(.*)$", printed, re.MULTILINE))
        token, url = (re.search(pattern, printed) for pattern in (r"X-Admin-Token: (\S+)", r"(http\S+)/knobs"))
        assert token is not None
        assert url is not None
        knobs = requests.get(f"{url[1]}/knobs", headers={"X-Admin-Token": token[1]}, timeout=5).json()
    assert f'# CognitoToml: client_id = "{exports["COGNITO_CLIENT_ID"]}"' in printed
    assert (knobs["rotation"], knobs["grace"], knobs["refresh_token_seconds"]) == (True, 5, 30 * 86_400)


def test_local_names_a_parameter_that_it_cannot_use() -> None:
    template = Path(__file__).parents[2] / "deploy" / "cognito-jupyter.yaml"
    for option, words in (("DataBucket", "is not NAME=VALUE"), ("DataBucket=data", "the parameter DomainPrefix")):
        command = [*COMMAND, "local", "--template", str(template), "--parameter", option]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert words in done.stderr
        assert "Traceback" not in done.stderr


@needs_shell
def test_local_prints_lines_that_a_shell_accepts() -> None:
    with running("local", "--no-aws", "--latency", "*=0.01", until="Ctrl-C") as (_, printed):
        exports = [line for line in printed.splitlines() if line.startswith("export ")]
        script = "\n".join([*exports, 'echo "$COGNITO_REDIRECT_URI"'])
        words = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
        assert len(words.split()) == 10


@needs_sigint
@needs_sigkill
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_local_ends_with_all_that_it_started(name: str) -> None:
    """Also when it is killed, and cannot clean up."""
    with running("local", until="Ctrl-C") as (process, _):
        members = process_tree(process)
        assert len(members) > 1
        assert listening(members) <= {"127.0.0.1", "::1"}
        process.send_signal(signal.Signals[name])
        assert_gone(members)


@pytest.mark.parametrize(
    ("command", "code", "unused"),
    [("status", 1, "doctor local login logout"), ("logout", 1, "doctor local status"), ("--help", 0, "doctor local")],
)
def test_a_command_imports_no_other_command(command: str, code: int, unused: str) -> None:
    program = f"""
import sys
from cognito_jupyter.cli.main import main
sys.argv[1:] = [{command!r}]
try:
    code = main()
except SystemExit as ended:
    code = ended.code
print(code, *(name for name in {unused.split()} if "cognito_jupyter.cli." + name in sys.modules))
"""
    assert run_program(program).stdout.splitlines()[-1] == f"{code}"


def test_the_command_tells_its_version() -> None:
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"cognito-jupyter {version('cognito_jupyter')}\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "required"),
        (["nonsense"], "invalid choice"),
        (["local", "--port", "many"], "invalid int"),
        (["local", "--issuer-type", "OTHER"], "invalid choice"),
        (["demo", "--check", "--no-browser"], "not allowed"),
        (["demo", "--credentials-seconds", "1"], "from 2 to 43200"),
        (["demo", "--credentials-seconds", "nan"], "from 2 to 43200"),
    ],
)
def test_wrong_arguments_are_explained(commands: Commands, words: list[str], error: str) -> None:
    done = commands.run(words)
    assert done.returncode == 2
    assert error in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        [HOSTILE_NAME],
        ["login", "--timeout", HOSTILE_NAME],
        ["status", HOSTILE_NAME, f"--{HOSTILE_NAME}"],
        ["local", "--port", HOSTILE_NAME],
        ["local", "--latency", HOSTILE_NAME],
        ["credential-process", HOSTILE_NAME],
    ],
)
def test_an_error_about_an_argument_draws_no_lines_of_its_own(
    commands: Commands, words: list[str], own_environment: Path
) -> None:
    done = commands.run(words)
    assert done.returncode in {1, 2}
    error = done.stderr.rstrip("\n").split("\n")[-1]
    assert_printable(error)
    assert r"\x" in done.stderr or words[0] == "credential-process"
    assert done.stderr.replace(str(own_environment), "").isascii()


def test_what_local_prints_holds_no_line_of_an_option() -> None:
    with running("local", "--no-aws", "--redirect-uri", f"http://localhost:3000/{HOSTILE_NAME}", until="ends it") as (
        _,
        printed,
    ):
        assert [line for line in printed.splitlines() if "localhost:3000" in line]
        assert all(line.isprintable() for line in printed.split("\n"))


def test_a_latency_that_makes_no_sense_is_one_line() -> None:
    done = subprocess.run([*COMMAND, "local", "--latency", "token"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "--latency token is not ENDPOINT=SECONDS.\n")


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """In a Python that has this package but not Flask."""
    (tmp_path / "flask.py").write_text("raise ModuleNotFoundError(\"No module named 'flask'\", name='flask')\n")
    start = "from cognito_jupyter.cli.main import main; sys.exit(main())"
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {start}"
    done = subprocess.run(
        [sys.executable, "-c", program, "local"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr == (
        'This command needs packages that are not installed (flask). Run: pip install "cognito_jupyter[demo]"\n'
    )


def test_without_pandas_the_demo_says_what_to_install() -> None:
    """Before it starts anything: the notebooks would fail in the middle."""
    program = "import sys; sys.modules['pandas'] = None; from cognito_jupyter.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "demo", "--no-browser"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        'This command needs packages that are not installed (pandas). Run: pip install "cognito_jupyter[demo]"\n'
    )


def test_a_failed_demo_check_names_the_cell(cognito: LocalCognito, tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": ["1 / 0"]}]
    notebook = tmp_path / "broken.ipynb"
    notebook.write_text(json.dumps({"cells": cells}))
    environment = clean_environment(tmp_path / "settings", cognito.environment)
    with pytest.raises(DemoCheckError, match=r"^1 / 0: (.|\n)*ZeroDivisionError"):
        run_notebook(cognito, notebook, environment, print)
