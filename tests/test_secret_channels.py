"""One search for secrets over every channel through which one could leave: each is proven first by a planted secret.

A channel is a cell, with a value that is planted or with what a sign-in consists of, and the place where the value
would be found. The channels through which something else leaves, such as the arguments of processes, are watched in
`test_secrets`, with the same search.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito
from tests.hostile.attempts import HELD, TRIED
from tests.support.notebook import NotebookUser
from tests.support.polling import wait_until
from tests.support.systems import needs_modes
from tests.test_frames import TOOLS
from tests.test_secrets import (
    LOG_EVERYTHING,
    WAITING_PROCESS,
    KernelRun,
    SecretSearch,
    collect_secrets,
    kernel_run,
    run,
)

__all__ = ["kernel_run"]  # a fixture

ROOT = str(Path(__file__).parents[1])
OUTPUT, LOG, WIDGETS = "what was shown", "the file debug.log", "the widgets"
ARGUMENTS = "the arguments of process"
VERBOSE = "IPython's verbose mode"
"""The one channel whose cells fail."""
REFUSED = '{"error": "invalid_request", "__type": "NotAuthorizedException"}'
PREPARE = f"""
import sys
sys.path.append({ROOT!r})
import contextlib, copy, json, logging, pickle, subprocess, traceback
import cognito_jupyter, ipywidgets
from tests.test_frames import TOOLS

# In a file of the package, because two of the tools show its frames only.
source = "def failing(value):\\n    raise ConnectionError('planted')"
exec(compile(source, cognito_jupyter.__file__, "exec"))

def error_of(call, *values):
    try:
        call(*values)
    except (PermissionError, ConnectionError) as error:
        # Without the frames of this cell, whose variables are the user's own.
        return error.with_traceback(error.__traceback__.tb_next)

def refuse_code():
    cognito.authenticator.exchange_code_for_tokens("an-unknown-" + "code-0a1b2c", "an-unknown-" + "verifier-0a1b2c")
"""
"""For both; a cell's source is in the notebook, so a planted secret is put together when the cell runs."""


@dataclass(frozen=True)
class Channel:
    """One way out.

    Attributes:
        name: What it is called.
        plant: A cell that lets `value` out.
        use: A cell that lets out what a sign-in consists of, if it can.
        place: Where the search finds what the first one let out.
    """

    name: str
    plant: str
    use: str
    place: str


CHANNELS = [
    Channel("what a cell prints", "print(value)", "print(cognito, session, repr(cognito.auth_tokens))", OUTPUT),
    Channel(
        "what a cell displays",
        "display({'a': value})",
        "display(cognito, session, vars(cognito), vars(session), cognito.auth_tokens, cognito.credentials)\n"
        "for each in (session, cognito.make_session('Analyst')):\n"
        "    display(each.get_credentials(), vars(each.get_credentials()), each.get_credentials().secret_key)\n"
        "    display(each.get_credentials().get_frozen_credentials(), each.get_credentials().token)",
        OUTPUT,
    ),
    Channel(
        "views of a dict",
        "d = {'a': value}\ndisplay(d.items(), d.values(), d.copy())",
        "for d in (cognito.auth_tokens, cognito.credentials, cognito.creds_response['Credentials']):\n"
        "    display(d.items(), d.values(), d.copy(), dict(d), d | {}, {} | d, {**d}, list(d.values()), [*d.items()])\n"
        "    display(copy.copy(d), copy.deepcopy(d), max(d.items()), {k: v for k, v in d.items()})",
        OUTPUT,
    ),
    Channel("the last value of a cell", "value", "cognito.auth_tokens['id_token']", OUTPUT),
    Channel("In and Out", "Out[0] = value\ndisplay(In, Out)", "display(In, Out)", OUTPUT),
    Channel("the state of widgets", "box = ipywidgets.Text(value)", "panel = cognito_jupyter.LoginPanel()", WIDGETS),
    Channel(
        "a logger of the notebook",
        "logging.getLogger('of a user').debug('%s', {'a': value})",
        "logging.getLogger('of a user').debug('%r %r %r', cognito, cognito.auth_tokens, vars(cognito))",
        LOG,
    ),
    Channel(
        "the arguments of a process",
        WAITING_PROCESS.replace("TOKEN", "value"),
        "get_ipython().run_line_magic('cognito_share', 'Analyst')\n"
        "done = subprocess.run([sys.executable, '-c', \"import boto3; boto3.client('s3').list_objects_v2(Bucket="
        "'cognito-jupyter-demo')\"], check=True)\nget_ipython().run_line_magic('cognito_share', '--stop')",
        ARGUMENTS,
    ),
    Channel(
        "a log of an error with its traceback",
        "try:\n    raise ValueError(value)\nexcept ValueError:\n    logging.exception('as a user would')",
        "for call in (cognito.refresh_user_pool_tokens, cognito.get_credentials, refuse_code):\n"
        "    try:\n        call()\n    except (PermissionError, ConnectionError) as error:\n"
        "        logging.exception('as a user would')\n        print(repr(error), error.args, vars(error))",
        LOG,
    ),
    Channel("the logger Comm", "logging.getLogger('Comm').debug(value)", "panel.layout.width = '50%'", LOG),
    Channel(
        "http.client's debug level",
        "import http.client, os\nserver = os.environ['COGNITO_DOMAIN'].partition('://')[2]\n"
        "connection = http.client.HTTPConnection(server)\nconnection.request('GET', '/' + value)\nconnection.close()",
        "cognito.refresh_user_pool_tokens() and None\ncognito.get_credentials() and None",
        OUTPUT,
    ),
    Channel(
        "%store",
        "kept = value\nget_ipython().run_line_magic('store', 'kept')",
        "for name, each in {'t': cognito.auth_tokens, 'c': cognito.credentials, 'm': cognito, 's': session}.items():\n"
        "    get_ipython().user_ns[name] = each\n"
        "    with contextlib.suppress(Exception):\n        get_ipython().run_line_magic('store', name)",
        "the file kept",
    ),
    Channel(
        "pickle and JSON",
        "open('planted.pickle', 'wb').write(pickle.dumps([value])) and None",
        "for each in (cognito, session, cognito.auth_tokens, cognito.credentials, cognito.auth_tokens['id_token']):\n"
        "    with contextlib.suppress(TypeError):\n        open('real.pickle', 'wb').write(pickle.dumps([each]))",
        "the file planted.pickle",
    ),
    *(
        Channel(
            f"a traceback that shows variables, by {tool}",
            f"print(TOOLS[{tool!r}](error_of(lambda: failing(value))))",
            f"for call in (cognito.refresh_user_pool_tokens, cognito.get_credentials, refuse_code):\n"
            f"    print(TOOLS[{tool!r}](error_of(call)))",
            OUTPUT,
        )
        for tool in ("IPython", "rich", "cgitb", "traceback")
    ),
    Channel(
        "the variables that a debugger shows",
        "print(repr([*error_of(lambda: failing(value)).__traceback__.tb_next.tb_frame.f_locals.values()]))",
        "for call in (cognito.refresh_user_pool_tokens, cognito.get_credentials, refuse_code):\n"
        "    print(TOOLS['a debugger'](error_of(call)))",
        OUTPUT,
    ),
    Channel(
        VERBOSE,
        "get_ipython().run_line_magic('xmode', 'Verbose')\n"
        "result = get_ipython().run_cell('failing(value)', silent=True)",
        "for line in ('cognito.refresh_user_pool_tokens()', 'cognito.get_credentials()', 'refuse_code()'):\n"
        "    result = get_ipython().run_cell(line, silent=True)",
        OUTPUT,
    ),
]
WRITE_WIDGETS = """
state = ipywidgets.Widget.get_manager_state(drop_defaults=False)
print("WIDGETS", json.dumps(state, default=str).encode().hex())
"""


def test_every_tool_that_shows_variables_is_a_channel() -> None:
    assert all(tool in "".join(channel.name + channel.use for channel in CHANNELS) for tool in TOOLS)


def test_each_channel_lets_a_planted_secret_out_and_none_of_a_sign_in(
    cognito: LocalCognito, kernel_run: KernelRun, record_property: Callable[[str, object], None]
) -> None:
    """One kernel; logs of all loggers at DEBUG; first what is planted, then a login by listener and one by paste."""
    kernel, search, home = kernel_run
    planted = {f"planted-{number}-0a1b2c3d": channel for number, channel in enumerate(CHANNELS)}
    user, remote_user = NotebookUser(cognito), NotebookUser(cognito, remote_browser=True)
    run(kernel, search, user, LOG_EVERYTHING)
    run(kernel, search, user, PREPARE)
    for value, channel in planted.items():
        run(
            kernel,
            search,
            user,
            f"value = '{value[:8]}' + '{value[8:]}'\n{channel.plant}",
            may_fail=channel.name == VERBOSE,
        )
    (argument,) = (value for value, channel in planted.items() if channel.place == ARGUMENTS)
    wait_until(lambda: any(where.startswith(ARGUMENTS) for where in places_of(search, argument)))
    run(kernel, search, user, "done = waiting.communicate()")
    collect(kernel, search, home)
    for value, channel in planted.items():
        assert any(where.startswith(channel.place) for where in places_of(search, value)), channel.name

    for each, options in ((user, ""), (remote_user, "--paste")):
        run(
            kernel,
            search,
            each,
            f"%load_ext cognito_jupyter\n%cognito_login -r Analyst {options}",
        )
        run(kernel, search, each, "cognito.get_credentials() and None\ncognito.ensure_credentials('Uploader') and None")
        for channel in CHANNELS:
            if "refuse_code" in channel.use:
                for endpoint in (cognito.REFRESH, cognito.EXCHANGE, cognito.GET_ID, cognito.CODE_EXCHANGE):
                    cognito.knobs.fail(endpoint, status=400, body=REFUSED, times=None)
            run(kernel, search, each, channel.use, may_fail=channel.name == VERBOSE)
            cognito.knobs.faults.clear()
        run(kernel, search, each, "%cognito_logout")
    collect(kernel, search, home)
    secrets = {*collect_secrets(cognito, remote_user), "an-unknown-code-0a1b2c", "an-unknown-verifier-0a1b2c"}
    assert len(secrets) > 30
    found = search.found(secrets)
    record_property(TRIED, 2 * len(CHANNELS))
    record_property(HELD, 2 * len(CHANNELS) - len(found))
    assert found == []
    # The files that only the search left: what was planted, and what anybody may read.
    assert not [path for path in files_for_others(home) if holds_any(path, secrets)]


@needs_modes
def test_the_search_finds_a_file_that_others_may_read(tmp_path: Path) -> None:
    for name, mode in (("open", 0o644), ("closed", 0o600)):
        (tmp_path / name).write_text("planted-0a1b2c3d")
        (tmp_path / name).chmod(mode)
    assert [path.name for path in files_for_others(tmp_path) if holds_any(path, {"planted-0a1b2c3d"})] == ["open"]


def collect(kernel: Kernel, search: SecretSearch, home: Path) -> None:
    """Adds what the kernel left behind: its files, its history, and the state of its widgets."""
    marker = "WIDGETS "
    shown: list[str] = []
    assert kernel.run_cell(WRITE_WIDGETS, on_output=shown.append).error is None
    states = [line.removeprefix(marker) for line in "".join(shown).splitlines() if line.startswith(marker)]
    search.add(WIDGETS, "".join(bytes.fromhex(state).decode() for state in states))
    assert states
    # IPython writes its history in a thread.
    assert kernel.run_cell("get_ipython().history_manager.writeout_cache()").error is None
    search.add_folder(home)
    assert "the file history.sqlite" in search.texts


def places_of(search: SecretSearch, value: str) -> list[str]:
    return [where for where, text in list(search.texts.items()) if value in text]


def files_for_others(folder: Path) -> list[Path]:
    """The files below a folder that other users could read, if its own mode let them in."""
    return [
        path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    ]


def holds_any(path: Path, secrets: set[str]) -> bool:
    content = path.read_bytes().decode("utf-8", "replace")
    return any(secret in content for secret in secrets)
