"""What is attempted, what has to hold, and which tests try it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of attempts.

    Attributes:
        name: Its name.
        attempt: What is attempted.
        verdict: What has to hold.
        tests: The beginnings of the ids of its tests; a test belongs to the first kind that names it.
    """

    name: str
    attempt: str
    verdict: str
    tests: tuple[str, ...]


KINDS = (
    Kind(
        "frames",
        "a call that fails or is interrupted, and five tools that print the variables of its frames",
        "no frame shows a token, code, verifier, key or paste",
        (
            "tests/test_frames.py",
            "tests/notebook/test_verbose_tracebacks.py::test_verbose",
            "tests/settings/test_client_secret.py::test_no_traceback_shows_it",
            "tests/_util/test_secret_text.py::test_a_traceback",
        ),
    ),
    Kind(
        "logs",
        "all loggers at DEBUG, http.client's debug level, `ipykernel --debug`, records that cannot be formatted",
        "no secret is logged, and no record fails its caller",
        ("tests/_util/logs", "tests/notebook/kernel/test_comm_logs.py"),
    ),
    Kind(
        "copies",
        "every view, copy and part of the dicts with tokens and credentials, `pickle`, `%store`, a cell's last value",
        "nothing is shown, nothing is pickled",
        (
            "tests/_util/test_secret_text.py",
            "tests/_util/test_redaction.py",
            "tests/notebook/test_verbose_tracebacks.py::test_tokens",
            "tests/sharing/endpoint/test_share.py::test_nothing_secret",
            "tests/sharing/adapters/test_filesystems.py::test_a_provider_shows_no_secret",
            "tests/credentials/test_manager.py::test_no_repr_shows_a_secret",
        ),
    ),
    Kind(
        "endpoints",
        "endpoint URLs of other machines, look-alike hosts, passwords in URLs, faulty CA bundles",
        "plain http goes to loopback only, and no password is shown",
        (
            "tests/hostile/test_settings.py::test_no_endpoint",
            "tests/credentials/identity_pool/test_endpoint.py",
            "tests/_util/http/test_ca_bundle.py",
        ),
    ),
    Kind(
        "words",
        "invisible, reversing and line-breaking characters in paths, names, roles, errors and arguments",
        "each text stays in its line, and shows what it hides",
        (
            "tests/hostile/test_words.py",
            "tests/test_outside_text.py",
            "tests/notebook/test_outside_text.py",
            "tests/_util/test_printable.py",
            "tests/cli/test_main.py::test_an_error_about_an_argument",
            "tests/signin/test_user_name.py",
            "tests/oauth/test_token_errors.py",
        ),
    ),
    Kind(
        "stored files",
        "each bit of a stored sign-in changed, each byte left out, other owners, modes, links and folders",
        "it is set aside and named; other sign-ins and the next login go on",
        (
            "tests/hostile/test_stored_files.py",
            "tests/credentials/store/test_damage.py",
            "tests/credentials/store/test_files.py",
            "tests/credentials/store/test_format.py",
            "tests/credentials/store/test_lock_holder.py",
            "tests/cli/test_damaged_sign_ins.py",
            "tests/cli/test_no_home.py",
        ),
    ),
    Kind(
        "settings",
        "odd values of every setting, settings files of a download, locked settings set elsewhere, names of variables",
        "the value is refused in one line; no file is used without the user's yes; a lock holds",
        (
            "tests/hostile/test_settings.py",
            "tests/settings/test_locked.py",
            "tests/settings/test_trust.py",
            "tests/settings/test_toml_file.py",
            "tests/settings/test_client_secret.py",
            "tests/notebook/test_locked_settings.py",
            "tests/notebook/model/test_variable_names.py",
        ),
    ),
    Kind(
        "profiles",
        "names and regions that would write lines of their own into the AWS config file, profiles that stand there",
        "the file stays as it is",
        ("tests/hostile/test_profile_names.py", "tests/sharing/profile", "tests/sharing/endpoint/test_aws_files.py"),
    ),
    Kind(
        "claims",
        "claims of odd types and sizes, other users, pools and issuers, at a login and at a refresh",
        "refused with an error of this package; good tokens stay",
        (
            "tests/oauth/test_odd_claims.py",
            "tests/oauth/test_verification.py",
            "tests/oauth/test_issuer.py",
            "tests/credentials/test_odd_refreshed_tokens.py",
        ),
    ),
    Kind(
        "responses",
        "authorization responses and pasted URLs: forged, doubled, cut, of other logins, by other methods and hosts",
        "the login waits on, and completes with its own",
        (
            "tests/hostile/test_responses.py",
            "tests/oauth/test_callback_server.py",
            "tests/oauth/test_authorization_response.py",
            "tests/oauth/test_dropped_logins.py",
        ),
    ),
    Kind(
        "relay",
        "forged, doubled, replayed and cross-site requests at the relay, other users' sockets, folders and messages",
        "the login waits on, completes with its own response, and no log holds a code",
        ("tests/server_extension/test_relay.py", "tests/notebook/panel/test_relayed.py"),
    ),
    Kind(
        "children",
        "forked, spawned and pooled workers that outlive the id token, with rotation",
        "parent and children go on, with one refresh each time",
        ("tests/credentials/test_forked_children.py", "tests/credentials/test_boto_sessions.py::test_a_forked"),
    ),
    Kind(
        "storms",
        "many threads that call at once, while Cognito responds, refuses or is unreachable",
        "one refresh, or one error",
        ("tests/credentials/test_storms.py", "tests/_util/test_single_flight.py"),
    ),
    Kind(
        "signals",
        "the stop button at random moments, in a tight loop",
        "every later call works without a restart",
        ("tests/credentials/test_interrupts.py",),
    ),
    Kind(
        "floods",
        "connections, slow, silent and forged requests at a share's endpoint, and its end by SIGKILL",
        "each client with the token is served within a second; no other one learns anything",
        (
            "tests/hostile/test_endpoint.py",
            "tests/sharing/endpoint/test_process.py",
            "tests/sharing/endpoint/test_kernel_endpoint.py",
        ),
    ),
    Kind(
        "whole runs",
        "a search for every secret in all that a notebook can show, log or leave behind, proven first for each channel",
        "found only in the file of a stored sign-in",
        ("tests/test_secrets.py", "tests/test_secret_channels.py::test_each_channel"),
    ),
)


def kind_of(test: str) -> Kind | None:
    """Returns the kind of a test; None: it tries nothing hostile, or shows that a search finds what it searches for.

    Args:
        test: The test's id.
    """
    if "::test_the_search" in test:
        return None
    whole = [kind for kind in KINDS for prefix in kind.tests if "::" in prefix and test.startswith(prefix)]
    files = [kind for kind in KINDS for prefix in kind.tests if "::" not in prefix and test.startswith(prefix)]
    return next(iter([*whole, *files]), None)
