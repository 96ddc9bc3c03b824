"""The magics: what a person types, read and handed on. Heavy imports wait until a magic runs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from IPython.core.magic import Magics, magics_class
from traitlets import Bool, Float, List, Unicode

from ..errors import CognitoError, SettingError
from . import arguments as read
from .completion import MagicCompleter
from .display.errors import one_line_errors
from .display.ipython import (
    argument,
    display_panel,
    display_view,
    line_magic,
    magic_with_arguments,
)
from .kernel.blocking import run_in_cell
from .model.login_requests import LoginRequestFactory

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .arguments import LoginArguments, ShareArguments
    from .model.sign_in import LoginRequest, SignIn
    from .model.state import NotebookState

_LOGIN_OPTIONS = (
    "--role-suffix",
    "--name",
    "--manager-name",
    "--profile",
    "--paste",
    "--no-browser",
    "--panel",
    "--share",
    "--timeout",
    "--remember",
    "--fresh",
)
_SHARE_OPTIONS = ("--stop", "--hide-credentials-file", "--default-session")
_PROFILE_OPTIONS = ("--role-suffix", "--remove")


def _optional_text(help_text: str) -> Unicode[str | None, str | bytes | None]:
    return Unicode(None, allow_none=True, help=help_text).tag(config=True)


@magics_class
class CognitoMagics(Magics):
    """Signs you in at Amazon Cognito and gives the notebook AWS credentials that renew themselves."""

    domain = _optional_text("The Cognito domain, such as my-app.auth.us-east-1.amazoncognito.com.")
    client_id = _optional_text("The app client's id.")
    redirect_uri = _optional_text(
        "The registered redirect URIs, separated by spaces; the first whose port is free is used."
    )
    region = _optional_text("The AWS region of the pools, where their ids do not say it.")
    user_pool_id = _optional_text("The user pool's id.")
    identity_pool_id = _optional_text("The identity pool's id.")
    profile = _optional_text("The profile of cognito.toml to use.")
    scopes = _optional_text("What to ask Cognito for, separated by spaces.")
    logout_uri = _optional_text("A registered sign-out URL, for the link that ends the browser's Cognito session.")
    session_region = _optional_text("The region of the sessions, where the buckets are in another than Cognito.")
    timeout = Float(None, allow_none=True, help="Seconds that a login waits for the person.").tag(config=True)
    wait_for_sign_in = Float(
        None, allow_none=True, help="Seconds that work in threads waits for you to sign in again; otherwise: 0."
    ).tag(config=True)
    refresh_token_days = Float(
        None, allow_none=True, help="How long the app client's refresh tokens live, for the panel to show."
    ).tag(config=True)
    remember = Bool(None, allow_none=True, help="Stay signed in on this computer.").tag(config=True)
    allowed_domains = List(Unicode(), help="The Cognito domains that may be used; empty: any.").tag(config=True)
    share = Bool(False, help="Share each sign-in's role with everything else in the notebook.").tag(config=True)
    hide_person = Bool(False, help="Keep name and e-mail out of what is shown, and so of saved notebooks.").tag(
        config=True
    )
    remote_kernel = Bool(
        None,
        allow_none=True,
        help="Whether browser and kernel are on two computers, so that pasting the address stands first; unset: signs "
        "such as JUPYTERHUB_* decide.",
    ).tag(config=True)
    name = Unicode("session", help="The variable that gets the boto3 session.").tag(config=True)
    manager_name = Unicode("cognito", help="The variable that gets the manager.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.interactive_shell = shell
        login = MagicCompleter(
            _LOGIN_OPTIONS,
            {"--role-suffix": self._role_suffixes, "-r": self._role_suffixes, "--profile": self._profile_names},
        )
        share = MagicCompleter(_SHARE_OPTIONS, {}, self._role_suffixes)
        profile = MagicCompleter(_PROFILE_OPTIONS, {"--role-suffix": self._role_suffixes, "-r": self._role_suffixes})
        self._request_factory = LoginRequestFactory(self)
        self.completers = {"%cognito_login": login, "%cognito_share": share, "%cognito_profile": profile}

    @functools.cached_property
    def state(self) -> NotebookState:
        """What the shell remembers; made when a magic first runs, so that loading stays quick."""
        from .model.state import NotebookState

        return NotebookState(self.interactive_shell, self._request_factory.default_request, lambda: self.hide_person)

    @magic_with_arguments("cognito_login")
    @argument(
        "-r", "--role-suffix", type=read.role_suffix, help="The role to take: the end of its name, such as Analyst."
    )
    @argument("--name", type=read.variable_name, help="The variable that gets the session; otherwise: session.")
    @argument("--manager-name", type=read.variable_name, help="The variable that gets the sign-in; otherwise: cognito.")
    @argument("--profile", help="The profile of cognito.toml whose settings are used.")
    @argument("--paste", action="store_true", help="Also ask for the address that the browser ends at, to be pasted.")
    @argument("--no-browser", action="store_true", help="Only show the link; do not open a browser.")
    @argument("--share", action="store_true", help="Share the role with everything else here: see %%cognito_share.")
    @argument(
        "--panel", action="store_true", help="Show the panel, as the magic cognito_panel does; the cell does not wait."
    )
    @argument("--timeout", type=read.timeout_seconds, help="How long to wait for you, in seconds; otherwise: 300.")
    @argument("--remember", action="store_true", help="Stay signed in on this computer: new kernels ask nobody.")
    @argument("--fresh", action="store_true", help="Sign in anew, whoever is signed in or stays so on this computer.")
    @line_magic
    @one_line_errors
    def cognito_login(self, line: str) -> None:
        """Sign in at Amazon Cognito, and use AWS in this notebook.

        It shows a panel with a link to the sign-in page (the link alone, where no widgets are shown), opens the page,
        and waits until you have signed in there. The next cell can use `session`, a boto3 session whose keys renew
        themselves:

            %cognito_login --role-suffix Analyst
            session.client("s3").list_objects_v2(Bucket="my-bucket")

        Run again, it does nothing; with another role it changes `session` to that role without a new sign-in. The
        browser is on another computer? Paste its address into the panel; without a panel, use --paste. Stop the cell
        to give up.

        With --remember the sign-in stays on this computer, in a file for your user alone, until %cognito_logout: after
        a restart, and in other notebooks, %cognito_login signs you in without asking.
        """
        given = read.parse_login_arguments(type(self).cognito_login, line)
        if given.panel:
            self._show_panel(given)
            return
        self._run_login(self.login_request(given))

    def _run_login(self, request: LoginRequest) -> None:
        with self.state.frontend.comm_pump() as on_tick:
            run_in_cell(lambda pause: self.state.ensure_signed_in(request, pause), on_tick)

    @line_magic
    @one_line_errors
    def cognito_panel(self, line: str) -> None:
        """Show a panel for signing in and out with a click, and for seeing who you are and for how long.

        The cell does not wait for it. The panel changes the role of `session`, too; several panels of a notebook show
        the same. In a console, which shows no widgets, it signs you in by a link and shows your status as text.
        """
        self._require_no_arguments("cognito_panel", line)
        self._show_panel(read.NO_ARGUMENTS)

    def _show_panel(self, arguments: LoginArguments) -> None:
        if not self.state.frontend.is_notebook:
            # A console or a terminal, which shows no widgets: the same as text.
            self._run_login(self.login_request(arguments))
            if self.state.current is not None:
                display_view(self.state.status_view(self.state.current))
            return
        from .panel.widget import LoginPanel

        panel = LoginPanel(self.state)
        if arguments.has_options:
            self._start_login(self.login_request(arguments))
        elif self.state.current is None and self.state.controller.login_task is None:
            panel.start()
        display_panel(panel)

    def _start_login(self, request: LoginRequest) -> None:
        """What is asked for, at once where a sign-in serves it, and else as a login that the panel shows."""
        if self.state.can_reuse(request):
            self._run_login(request)
        else:
            self.state.controller.remember_choice = None
            self.state.start_login(request)

    @line_magic
    @one_line_errors
    def cognito_status(self, line: str) -> None:
        """Show who is signed in, with which role, until when, in which variables, and what is shared."""
        from .display.status import NOT_SIGNED_IN, remembered_note

        self._require_no_arguments("cognito_status", line)
        current = self.state.current
        remembered = self._remembered_sign_in() if current is None else None
        display_view(
            self.state.status_view(current) if current else remembered_note(remembered) if remembered else NOT_SIGNED_IN
        )

    @magic_with_arguments("cognito_share")
    @argument("role_suffixes", nargs="*", type=read.role_suffix, help="The roles; otherwise that of the session.")
    @argument("--stop", action="store_true", help="End it, and put the environment back.")
    @argument("--hide-credentials-file", action="store_true", help="Hide ~/.aws/credentials, with all its profiles.")
    @argument("--default-session", action="store_true", help="Have boto3.client(...) here use it too.")
    @line_magic
    @one_line_errors
    def cognito_share(self, line: str) -> None:
        """Let everything else in this notebook use your sign-in: !aws, s3fs, pandas, pyarrow, polars, programs.

        It serves AWS keys that renew themselves to this kernel and the programs that it starts, and names them in the
        environment in the way that AWS's own tools look for; what would win over them there (old keys, a profile's
        name) is taken out of the environment. Signing out, or --stop, puts it back as it was:

            %cognito_share
            !aws s3 ls s3://my-bucket

        Without a role it goes along with `session`, also when that gets another role. With several, the environment
        names the first; %cognito_status tells where each is.
        """
        from .display.status import NOT_SIGNED_IN, NOTHING_WAS_SHARED, SHARING_STOPPED, shared_table

        given = read.parse_share_arguments(type(self).cognito_share, line)
        if given.stop:
            display_view(SHARING_STOPPED if self.state.notebook_share.close() else NOTHING_WAS_SHARED)
        elif self.state.current is None:
            display_view(NOT_SIGNED_IN)
        else:
            self._share_roles(self.state.current, given)
            display_view(shared_table(self.state.notebook_share.roles))

    def _share_roles(self, sign_in: SignIn, arguments: ShareArguments) -> None:
        name = self._request_factory.variable_name("name")
        self.state.notebook_share.share_roles(
            sign_in,
            arguments.role_suffixes or [self.state.variables.role_arn_of(name, sign_in.manager)],
            follow_variable=None if arguments.role_suffixes else name,
            hide_credentials_file=arguments.hide_credentials_file,
            default_session=arguments.default_session,
        )

    @magic_with_arguments("cognito_profile")
    @argument("profile", help="The profile's name.")
    @argument("-r", "--role-suffix", type=read.role_suffix, help="The profile's role; otherwise that of the session.")
    @argument("--remove", action="store_true", help="Take the profile away again.")
    @line_magic
    @one_line_errors
    def cognito_profile(self, line: str) -> None:
        """Write a profile to ~/.aws/config by which terminals, editors and other programs use your sign-in.

        The sign-in has to be kept on this computer: %cognito_login --remember. No key gets into the file; whoever uses
        the profile asks for keys, and gets new ones for as long as you stay signed in:

            %cognito_profile science
            !aws --profile science s3 ls s3://my-bucket

        It changes nothing else in that file, and --remove takes the profile away again.
        """
        from .. import sharing
        from .display.status import NOT_SIGNED_IN, profile_removed, profile_written

        given, current = read.parse_profile_arguments(type(self).cognito_profile, line), self.state.current
        if given.remove:
            display_view(profile_removed(given.profile, existed=sharing.remove_profile(given.profile)))
        elif current is None:
            display_view(NOT_SIGNED_IN)
        else:
            suffix = given.role_suffix or self.state.variables.role_arn_of(
                self._request_factory.variable_name("name"), current.manager
            )
            region = current.settings.session_region
            path = sharing.write_profile(current.manager, given.profile, suffix, region_name=region)
            display_view(profile_written(given.profile, str(path), current.manager.resolve_role(suffix)))

    @line_magic
    @one_line_errors
    def cognito_roles(self, line: str) -> None:
        """List the roles that your sign-in allows, with the suffix to use for each."""
        from .display.status import NOT_SIGNED_IN, roles_table

        self._require_no_arguments("cognito_roles", line)
        current = self.state.current
        display_view(roles_table(current, self.state.variables) if current else NOT_SIGNED_IN)

    @line_magic
    @one_line_errors
    def cognito_logout(self, line: str) -> None:
        """Sign out: revoke the sign-in at Cognito and take away the variables that it set.

        One that stays on this computer ends for all notebooks, each at its next renewal.

        AWS keys already handed out stay good until they expire, within an hour. The browser keeps its own Cognito
        session until you follow the link shown.
        """
        from .display.status import NOT_SIGNED_IN, signed_out

        self._require_no_arguments("cognito_logout", line)
        current = self.state.current or self._remembered_sign_in()
        if current is None:
            display_view(NOT_SIGNED_IN)
            return
        self.state.set_current(current)
        authenticator, logout_uri = current.manager.authenticator, current.settings.logout_uri
        names = self.state.sign_out_all()
        link = authenticator.logout_url(logout_uri) if authenticator else None
        display_view(signed_out(names, link))

    def login_request(self, arguments: LoginArguments) -> LoginRequest:
        """What a login's arguments and the settings ask for; whoever is there may be asked about a settings file.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        return self._request_factory.request_for(arguments, _confirm_trust if self.state.frontend.can_prompt else None)

    def _remembered_sign_in(self) -> SignIn | None:
        """The sign-in that is kept on this computer, and that no login of this notebook has taken yet."""
        try:
            return self.state.load_remembered(self._request_factory.default_request().settings)
        except CognitoError:  # without settings there is none to be found
            return None

    def _require_no_arguments(self, magic: str, line: str) -> None:
        if line.strip():
            raise SettingError(f"%{magic} takes no arguments.", "Leave out what follows it.")

    def _role_suffixes(self) -> list[str]:
        from ..credentials.roles import shortest_suffixes

        roles = self.state.current.manager.roles if self.state.current else ()
        return shortest_suffixes(roles, roles)

    def _profile_names(self) -> list[str]:
        from ..settings.layers import known_profiles

        return known_profiles()


def _confirm_trust(text: str) -> bool:
    """Asks the person about a settings file, once; anything but a yes is a no."""
    print(text)
    return input("Use these settings? [yes/no] ").strip().lower() in {"y", "yes"}
