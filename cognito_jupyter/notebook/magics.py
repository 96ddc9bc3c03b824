"""The magics: they parse what the user types and pass it on.

What a magic needs is imported when it runs, so that `%load_ext cognito_jupyter` is quick.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class
from traitlets import Bool, Float, List, Unicode

from .._util.store_once import StoreOnce
from ..errors import CognitoError
from .display.errors import captured_output, cognito_magic, no_interactive_frontend
from .display.ipython import argument, display_view, magic_with_arguments
from .kernel.cell_events import AutoreloadExclusion, ThreadCells
from .kernel.interrupts import deferred_interrupts, interruptible
from .matcher import LineMatcher

if TYPE_CHECKING:
    from pathlib import Path

    import boto3

    from ..settings.trust import ConfirmTrust
    from ..signin.service import SignIn
    from .completion import LineCompleter
    from .display.views import View
    from .model.login_requests import LoginArguments, LoginRequest, LoginRequestFactory
    from .model.state import NotebookState


def _optional_text(help_text: str) -> Unicode[str | None, str | bytes | None]:
    return Unicode(None, allow_none=True, help=help_text).tag(config=True)


@magics_class
class CognitoMagics(Magics):
    """Signs you in at Amazon Cognito and gives the notebook AWS credentials that are renewed automatically."""

    domain = _optional_text("The Cognito domain, such as my-app.auth.us-east-1.amazoncognito.com.")
    client_id = _optional_text("The app client's id.")
    redirect_uri = _optional_text(
        "The registered redirect URIs, separated by spaces; the first whose port is free is used."
    )
    region = _optional_text("The default region of the sessions; unset: the user pool's.")
    user_pool_id = _optional_text("The user pool's id.")
    identity_pool_id = _optional_text("The identity pool's id.")
    profile = _optional_text("The profile of cognito.toml to use.")
    identity_provider = _optional_text("The user pool's identity provider that signs you in, such as Google.")
    idp_identifier = _optional_text("An identifier of that provider, such as example.org, in place of its name.")
    login_hint = _optional_text("The user name or e-mail address that the sign-in page shows already filled in.")
    role_selection = _optional_text(
        '"token": a role of yours is requested; "identity_pool": the identity pool chooses.'
    )
    scopes = _optional_text("The OAuth scopes to request, separated by spaces.")
    logout_uri = _optional_text("A registered sign-out URL, for the link that ends the browser's Cognito session.")
    session_region = _optional_text("The region of the sessions, where the buckets are in another one than Cognito.")
    timeout = Float(None, allow_none=True, help="Seconds that a login waits for you.").tag(config=True)
    wait_for_sign_in = Float(
        None, allow_none=True, help="Seconds that work in threads waits for you to sign in again; default: 0."
    ).tag(config=True)
    refresh_token_days = Float(
        None, allow_none=True, help="How many days the app client's refresh tokens are valid, for the panel to show."
    ).tag(config=True)
    remember = Bool(None, allow_none=True, help="Stay signed in on this computer.").tag(config=True)
    allowed_domains = List(Unicode(), help="The Cognito domains that may be used; empty: any.").tag(config=True)
    share = Bool(None, allow_none=True, help="Share each sign-in's role with everything else in the notebook.").tag(
        config=True
    )
    hide_person = Bool(False, help="Leave name and e-mail out of what is shown, and so of saved notebooks.").tag(
        config=True
    )
    remote_kernel = Bool(
        None,
        allow_none=True,
        help="Whether browser and kernel are on two computers, so that pasting the address comes first; unset: "
        "detected by JUPYTERHUB_* and similar variables.",
    ).tag(config=True)
    name = Unicode("session", help="The variable that gets the boto3 session.").tag(config=True)
    manager_name = Unicode("cognito", help="The variable that gets the manager.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.interactive_shell = shell
        self.autoreload_exclusion = AutoreloadExclusion(shell)
        self.thread_cells = ThreadCells(shell)
        self.completer = LineMatcher(self._line_completer)

    def _line_completer(self) -> LineCompleter:
        from .completion import LineCompleter, MagicCompleter

        magics, roles, profiles = type(self), self._role_suffixes, self._profile_names
        values = {"--role-suffix": roles, "-r": roles, "--profile": profiles}
        return LineCompleter(
            {
                "cognito_login": MagicCompleter(magics.cognito_login, values, roles),
                "cognito_doctor": MagicCompleter(magics.cognito_doctor, {"--profile": profiles}),
                "cognito_share": MagicCompleter(magics.cognito_share, {}, roles),
                "cognito_profile": MagicCompleter(magics.cognito_profile, values),
                **dict.fromkeys(("cognito_panel", "cognito_status", "cognito_roles", "cognito_logout")),
            }
        )

    @functools.cached_property
    def _request_factory(self) -> LoginRequestFactory:
        from .model.login_requests import LoginRequestFactory

        return LoginRequestFactory(self._configured)

    def _configured(self) -> dict[str, object]:
        """Returns the traits, and a client secret, which has no trait: `%config CognitoMagics` would show it."""
        values = {name: getattr(self, name) for name in self.class_own_traits(config=True)}
        if "client_secret" in self.config["CognitoMagics"]:
            values["client_secret"] = ...  # the settings refuse it, whatever it is
        return values

    @functools.cached_property
    def state(self) -> NotebookState:
        """The state of the notebook; created when a magic first runs, so that loading is quick."""
        from .model.state import NotebookState

        return NotebookState(self.interactive_shell, self._request_factory.default_request, lambda: self.hide_person)

    @magic_with_arguments("cognito_login")
    @argument(
        "role_suffix",
        metavar="ROLE",
        nargs="?",
        action=StoreOnce,
        default=argparse.SUPPRESS,
        help="The role: the end of its name, such as Analyst.",
    )
    @argument("-r", "--role-suffix", metavar="ROLE", action=StoreOnce, help="The same.")
    @argument("--name", help="The variable that gets the session; default: session.")
    @argument("--manager-name", metavar="NAME", help="The variable that gets the manager; default: cognito.")
    @argument("--profile", metavar="NAME", help="The profile of cognito.toml to use.")
    @argument("--identity-provider", metavar="NAME", help="The provider that signs you in, such as Google.")
    @argument("--login-hint", metavar="NAME", help="Your name or e-mail address, for the sign-in page.")
    @argument("--paste", action="store_true", help="Show a box for the address the browser ends at, too.")
    @argument("--no-browser", action="store_true", help="Only show the link; do not open a browser.")
    @argument("--share", action="store_true", help="Share the role with the rest, as %%cognito_share does.")
    @argument("--panel", action="store_true", help="Show the panel; the cell does not wait.")
    @argument("--timeout", metavar="SECONDS", help="How long to wait for you; default: 300.")
    @argument("--remember", action="store_true", help="Stay signed in here: new kernels need no login.")
    @argument("--fresh", action="store_true", help="Sign in again, even if you are signed in.")
    @argument("--switch-account", action="store_true", help="Sign in as another user than before.")
    @cognito_magic
    def cognito_login(self, line: str) -> boto3.Session | None:
        """Sign in at Amazon Cognito. Then `session` is a boto3 session for AWS.

        It opens the sign-in page and waits until you have signed in; the stop button
        cancels. Run again, it does nothing; with another role, `session` changes to it
        without a new sign-in. `s = %cognito_login` gives the session. If your browser
        is on another computer, paste the address that it ends at.
        """
        from .arguments import parse_line
        from .model.login_requests import LoginArguments
        from .model.user_namespace import BoundSession

        arguments = parse_line(line, type(self).cognito_login, LoginArguments)
        with self._given_up_if_stopped():
            if arguments.panel:
                self._show_panel(arguments)
                return None
            request = self.login_request(arguments)
            self._run_login(request)
        bound = self.state.variables.get_binding(request.session_name)
        return bound.value if isinstance(bound, BoundSession) else None

    @cognito_magic
    def cognito_panel(self, line: str) -> None:
        """Show a panel for signing in and out with a click, which also shows who you are and for how long.

        The cell does not wait for it. The panel can change the role of `session`, too; several panels of a notebook
        show the same. In a console, which shows no widgets, it signs you in by a link and shows your status as text.
        """
        from .arguments import require_no_arguments
        from .model.login_requests import LoginArguments

        require_no_arguments("cognito_panel", line)
        with self._given_up_if_stopped():
            self._show_panel(LoginArguments())

    @cognito_magic
    def cognito_status(self, line: str) -> None:
        """Show who is signed in, with which role, until when, in which variables, and what is shared."""
        from .arguments import require_no_arguments
        from .display.status import NOT_SIGNED_IN, remembered_note, status_table

        require_no_arguments("cognito_status", line)
        if self.state.current is not None:
            display_view(status_table(self.state, self.state.current))
        else:
            remembered = self._remembered_sign_in()
            display_view(remembered_note(remembered) if remembered is not None else NOT_SIGNED_IN)

    @magic_with_arguments("cognito_doctor")
    @argument("--profile", help="The profile of cognito.toml whose settings are checked.")
    @argument("--sign-in", action="store_true", help="Try each role of the current sign-in, too.")
    @argument("--json", action="store_true", help="Print JSON, for programs.")
    @cognito_magic
    def cognito_doctor(self, line: str) -> None:
        """Check the whole set-up: settings, user pool, identity pool, network, this computer and this front end.

        It needs no AWS credentials, sends a dozen requests at most and changes nothing. What it shows is not secret,
        so that a bug report can hold it:

            %cognito_doctor

        After %cognito_login, --sign-in also tries each role of the sign-in.
        """
        from .arguments import parse_line
        from .display.doctor import show_report
        from .login import make_panel
        from .options import DoctorArguments

        arguments = parse_line(line, type(self).cognito_doctor, DoctorArguments)
        show_report(
            self.state,
            {"profile": arguments.profile},
            self._request_factory.setting_traits(),
            self._trust_prompt,
            lambda: make_panel(self.state),
            sign_in=arguments.sign_in,
            as_json=arguments.json,
        )

    @magic_with_arguments("cognito_share")
    @argument("role_suffixes", metavar="ROLE", nargs="*", help="The roles; default: the role of the session.")
    @argument("--stop", action="store_true", help="Stop sharing, and restore the environment.")
    @argument("--hide-credentials-file", action="store_true", help="Hide ~/.aws/credentials, with all its profiles.")
    @argument("--default-session", action="store_true", help="Have boto3.client(...) here use it too.")
    @cognito_magic
    def cognito_share(self, line: str) -> None:
        """Let everything else in this notebook use your sign-in: !aws, s3fs, pandas, pyarrow, polars, programs.

        It serves AWS credentials, renewed automatically, to this kernel and the programs that it starts, and names
        them in the environment variables where AWS's own tools look for them. Variables that would override them (old
        keys, a profile's name) are removed from the environment. Signing out, or --stop, restores it:

            %cognito_share
            !aws s3 ls s3://my-bucket

        Without a role it follows `session`, also when that changes its role. With several roles, the environment
        names the first; %cognito_status shows the address of each.
        """
        from .arguments import parse_line
        from .display.status import NOT_SIGNED_IN, NOTHING_WAS_SHARED, shared_table, sharing_stopped
        from .options import ShareArguments

        arguments = parse_line(line, type(self).cognito_share, ShareArguments)
        sign_in, share = self.state.current, self.state.notebook_share
        if arguments.stop:
            machine_role = share.machine_role
            display_view(sharing_stopped(machine_role) if share.close() else NOTHING_WAS_SHARED)
        elif sign_in is None:
            display_view(NOT_SIGNED_IN)
        else:
            with self._progress("Starting to share") as show:
                share.share_roles(
                    sign_in,
                    [sign_in.manager.resolve_role(suffix) for suffix in arguments.role_suffixes]
                    or [self._session_role(sign_in)],
                    follow_variable=None if arguments.role_suffixes else self._request_factory.variable_name("name"),
                    hide_credentials_file=arguments.hide_credentials_file,
                    default_session=arguments.default_session,
                )
                show(shared_table(share.roles, share.news_about_machine_role()))

    @magic_with_arguments("cognito_profile")
    @argument("profile", metavar="NAME", help="The profile's name.")
    @argument(
        "role_suffix",
        metavar="ROLE",
        nargs="?",
        action=StoreOnce,
        default=argparse.SUPPRESS,
        help="The profile's role; default: the role of the session.",
    )
    @argument("-r", "--role-suffix", metavar="ROLE", action=StoreOnce, help="The same.")
    @argument("--remove", action="store_true", help="Remove the profile.")
    @cognito_magic
    def cognito_profile(self, line: str) -> None:
        """Write a profile to ~/.aws/config by which terminals, editors and other programs use your sign-in.

        You have to be signed in on this computer: %cognito_login --remember. No credentials are written to the file; a
        program that uses the profile gets new ones for as long as you stay signed in:

            %cognito_profile science
            !aws --profile science s3 ls s3://my-bucket

        Nothing else in that file is changed, and --remove removes the profile.
        """
        from ..sharing.profile.profile import remove_profile, write_profile_for_role
        from .arguments import parse_line
        from .display.status import NOT_SIGNED_IN, profile_removed, profile_written
        from .options import ProfileArguments

        arguments = parse_line(line, type(self).cognito_profile, ProfileArguments)
        current = self.state.current
        if arguments.remove:
            display_view(profile_removed(arguments.profile, existed=remove_profile(arguments.profile)))
        elif current is None:
            display_view(NOT_SIGNED_IN)
        else:
            manager, suffix = current.manager, arguments.role_suffix
            role_arn = manager.resolve_role(suffix) if suffix is not None else self._session_role(current)
            region = current.settings.session_region
            path = write_profile_for_role(manager, arguments.profile, role_arn, region_name=region)
            display_view(profile_written(arguments.profile, str(path), role_arn))

    @cognito_magic
    def cognito_roles(self, line: str) -> None:
        """List the roles that your sign-in allows, with the suffix to use for each."""
        from .arguments import require_no_arguments
        from .display.status import NOT_SIGNED_IN, roles_table

        require_no_arguments("cognito_roles", line)
        current = self.state.current
        display_view(roles_table(current, self.state.variables) if current else NOT_SIGNED_IN)

    @cognito_magic
    def cognito_logout(self, line: str) -> None:
        """Sign out: revoke the sign-in at Cognito and delete the variables that it set.

        A sign-in that is remembered on this computer ends for all notebooks, in each at its next renewal.

        AWS credentials already passed on are valid until they expire, within an hour. The browser keeps its own
        Cognito session until you follow the link shown.
        """
        from .arguments import require_no_arguments
        from .display.status import NOT_SIGNED_IN, deleted_files_note, signed_out

        require_no_arguments("cognito_logout", line)
        current = self.state.current or self._remembered_sign_in(even_if_forbidden=True)
        if current is None:
            deleted = self._discard_unusable()
            display_view(deleted_files_note(deleted) if deleted else NOT_SIGNED_IN)
            return
        self.state.sign_ins.set_current(current)
        authenticator, logout_uri = current.manager.authenticator, current.settings.logout_uri
        with self._progress("Signing out") as show:
            names = self.state.sign_out_all()
            show(signed_out(names, authenticator.logout_url(logout_uri) if authenticator else None))

    # -- within

    def _progress(self, what: str) -> contextlib.AbstractContextManager[Callable[[View], None]]:
        from .display.progress import progress

        return progress(what, can_update=self.state.frontend.can_update_display)

    def login_request(self, arguments: LoginArguments) -> LoginRequest:
        """Combines a login's arguments with the settings; the user may be asked whether to trust a settings file.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        # Only in the request for the domain: before it, the user may be asked.
        return self._request_factory.request_for(arguments, self._trust_prompt, self._progress)

    @contextlib.contextmanager
    def _given_up_if_stopped(self) -> Iterator[None]:
        """Defers the stop button until what is within waits or has ended, and then gives up a login that it started.

        Without it a press in the first moments, while modules are imported and the listener starts, would leave both.
        """
        with deferred_interrupts(), self.thread_cells.shown_in_own_cell():
            controller = self.state.controller
            running = controller.login_task
            try:
                yield
                with interruptible():
                    pass
            except KeyboardInterrupt:
                if running is None or running is not controller.login_task:
                    controller.request_cancel()
                raise

    @property
    def _trust_prompt(self) -> ConfirmTrust | None:
        """Asks the user whether to trust a settings file; None: no user can be asked."""
        return _confirm_trust if self.state.frontend.can_prompt else None

    def _run_login(self, request: LoginRequest) -> None:
        from .kernel.blocking import run_in_cell
        from .kernel.comms import comm_pump
        from .login import ensure_signed_in

        with deferred_interrupts(), comm_pump(self.state.frontend.kernel) as on_tick:
            run_in_cell(lambda sleep: ensure_signed_in(self.state, request, sleep), on_tick)

    def _show_panel(self, arguments: LoginArguments) -> None:
        from .display.panel_output import show_panel
        from .kernel.blocking import run_in_cell
        from .kernel.comms import comm_pump
        from .kernel.widget_check import widget_check
        from .login import panel_for_cell

        state, frontend = self.state, self.state.frontend
        if not (frontend.can_prompt or frontend.is_voila) and state.current is None:
            raise no_interactive_frontend()
        if frontend.output_is_captured:
            raise captured_output()
        if not frontend.can_update_display:
            # A console or a terminal, which shows no widgets: the same as text.
            from .display.status import status_table

            before = state.current
            self._run_login(self.login_request(arguments))
            if before is not None and state.current is before:
                # Nothing was logged in, and so nothing was shown.
                display_view(status_table(state, before))
            return
        with widget_check(frontend) as check, comm_pump(frontend.kernel) as on_tick:
            if arguments.has_options:
                request = self.login_request(arguments)
                if state.can_reuse(request):
                    self._run_login(request)
                else:
                    state.controller.remember_choice = None
                    state.start_login(request)
            elif state.current is None and state.controller.login_task is None:
                state.start_from_button()
            panel = run_in_cell(lambda sleep: panel_for_cell(state, check, sleep), on_tick)
        show_panel(state, panel)

    def _session_role(self, sign_in: SignIn) -> str | None:
        """Returns the role of the session's variable; if it holds no session, the role selected last, or the first."""
        bound = self.state.variables.bound_session(self._request_factory.variable_name("name"), sign_in.manager)
        return bound.role_arn if bound is not None else sign_in.manager.resolve_role()

    def _remembered_sign_in(self, *, even_if_forbidden: bool = False) -> SignIn | None:
        """Returns the sign-in that is remembered on this computer and that this notebook does not use yet.

        Args:
            even_if_forbidden: Whether to find also what was stored before `remember` was set to false.
        """
        try:
            settings = self._request_factory.default_request().settings
            return self.state.load_remembered(replace(settings, remember=settings.remember or even_if_forbidden))
        except CognitoError:  # without settings none can be found
            return None

    def _discard_unusable(self) -> list[Path]:
        """Deletes the stored files of the notebook's sign-in that cannot be used, and returns them."""
        from ..credentials.remembered import discard_unusable

        try:
            settings = self._request_factory.default_request().settings
        except CognitoError:  # without settings none can be found
            return []
        return discard_unusable(settings)

    def _role_suffixes(self) -> list[str]:
        from ..credentials.roles import shortest_suffixes

        roles = self.state.current.manager.roles if self.state.current else ()
        return shortest_suffixes(roles, roles)

    def _profile_names(self) -> list[str]:
        from ..settings.layers import known_profiles

        return known_profiles()


def _confirm_trust(text: str) -> bool:
    """Asks the user once whether to trust a settings file; anything but a yes is a no."""
    from .._util.terminal import print_text

    print_text(text)
    with interruptible():
        return input("Use these settings? [yes/no] ").strip().lower() in {"y", "yes"}
