"""The magics: what a person types, read and handed on. Heavy imports wait until a magic runs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from IPython.core.magic import Magics, magics_class
from traitlets import Bool, Float, List, Unicode

from ..errors import CognitoError, SettingError
from . import arguments as read
from .completion import MagicCompleter
from .failure import plainly
from .ipython import argument, line_magic, magic_with_arguments, show, show_panel
from .login_requests import LoginRequests
from .waiting import wait

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .arguments import LoginArguments, ShareArguments
    from .signin import LoginRequest, SignIn
    from .state import NotebookState

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


def _text(what: str) -> Unicode[str | None, str | bytes | None]:
    return Unicode(None, allow_none=True, help=what).tag(config=True)


@magics_class
class CognitoMagics(Magics):
    """Signs you in at Amazon Cognito and gives the notebook AWS credentials that renew themselves."""

    domain = _text("The Cognito domain, such as my-app.auth.us-east-1.amazoncognito.com.")
    client_id = _text("The app client's id.")
    redirect_uri = _text("The registered redirect URIs, separated by spaces; the first whose port is free is used.")
    region = _text("The AWS region of the pools, where their ids do not say it.")
    user_pool_id = _text("The user pool's id.")
    identity_pool_id = _text("The identity pool's id.")
    profile = _text("The profile of cognito.toml to use.")
    scopes = _text("What to ask Cognito for, separated by spaces.")
    logout_uri = _text("A registered sign-out URL, for the link that ends the browser's Cognito session.")
    session_region = _text("The region of the sessions, where the buckets are in another than Cognito.")
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
        self.own_shell = shell
        login = MagicCompleter(
            _LOGIN_OPTIONS, {"--role-suffix": self._suffixes, "-r": self._suffixes, "--profile": self._profiles}
        )
        share = MagicCompleter(_SHARE_OPTIONS, {}, self._suffixes)
        profile = MagicCompleter(_PROFILE_OPTIONS, {"--role-suffix": self._suffixes, "-r": self._suffixes})
        self._requests = LoginRequests(self)
        self.completers = {"%cognito_login": login, "%cognito_share": share, "%cognito_profile": profile}

    @functools.cached_property
    def state(self) -> NotebookState:
        """What the shell remembers; made when a magic first runs, so that loading stays quick."""
        from .state import NotebookState

        return NotebookState(self.own_shell, self._requests.usual, lambda: self.hide_person)

    @magic_with_arguments("cognito_login")
    @argument("-r", "--role-suffix", type=read.role, help="The role to take: the end of its name, such as Analyst.")
    @argument("--name", type=read.variable_name, help="The variable that gets the session; otherwise: session.")
    @argument("--manager-name", type=read.variable_name, help="The variable that gets the sign-in; otherwise: cognito.")
    @argument("--profile", help="The profile of cognito.toml whose settings are used.")
    @argument("--paste", action="store_true", help="Also ask for the address that the browser ends at, to be pasted.")
    @argument("--no-browser", action="store_true", help="Only show the link; do not open a browser.")
    @argument("--share", action="store_true", help="Share the role with everything else here: see %%cognito_share.")
    @argument(
        "--panel", action="store_true", help="Show the panel, as the magic cognito_panel does; the cell does not wait."
    )
    @argument("--timeout", type=read.seconds, help="How long to wait for you, in seconds; otherwise: 300.")
    @argument("--remember", action="store_true", help="Stay signed in on this computer: new kernels ask nobody.")
    @argument("--fresh", action="store_true", help="Sign in anew, whoever is signed in or stays so on this computer.")
    @line_magic
    @plainly
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
        given = read.read_login(type(self).cognito_login, line)
        if given.panel:
            self._show_panel(given)
            return
        self._sign_in(self.request(given))

    def _sign_in(self, request: LoginRequest) -> None:
        with self.state.frontend.hearing_widgets() as hear:
            wait(lambda pause: self.state.sign_in(request, pause), hear)

    @line_magic
    @plainly
    def cognito_panel(self, line: str) -> None:
        """Show a panel for signing in and out with a click, and for seeing who you are and for how long.

        The cell does not wait for it. The panel changes the role of `session`, too; several panels of a notebook show
        the same. In a console, which shows no widgets, it signs you in by a link and shows your status as text.
        """
        self._takes_nothing("cognito_panel", line)
        self._show_panel(read.NO_ARGUMENTS)

    def _show_panel(self, given: LoginArguments) -> None:
        if not self.state.frontend.is_notebook:
            # A console or a terminal, which shows no widgets: the same as text.
            self._sign_in(self.request(given))
            if self.state.current is not None:
                show(self.state.status(self.state.current))
            return
        from .panel import LoginPanel

        panel = LoginPanel(self.state)
        if given.asks_for_something:
            self._start(self.request(given))
        elif self.state.current is None and self.state.controller.attempt is None:
            panel.start()
        show_panel(panel)

    def _start(self, request: LoginRequest) -> None:
        """What is asked for, at once where a sign-in serves it, and else as a login that the panel shows."""
        if self.state.serves(request):
            self._sign_in(request)
        else:
            self.state.controller.chosen_to_stay = None
            self.state.start_login(request)

    @line_magic
    @plainly
    def cognito_status(self, line: str) -> None:
        """Show who is signed in, with which role, until when, in which variables, and what is shared."""
        from .status import NOT_SIGNED_IN, kept_note

        self._takes_nothing("cognito_status", line)
        current = self.state.current
        kept = self._kept() if current is None else None
        show(self.state.status(current) if current else kept_note(kept) if kept else NOT_SIGNED_IN)

    @magic_with_arguments("cognito_share")
    @argument("role_suffixes", nargs="*", type=read.role, help="The roles; otherwise that of the session.")
    @argument("--stop", action="store_true", help="End it, and put the environment back.")
    @argument("--hide-credentials-file", action="store_true", help="Hide ~/.aws/credentials, with all its profiles.")
    @argument("--default-session", action="store_true", help="Have boto3.client(...) here use it too.")
    @line_magic
    @plainly
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
        from .status import NOT_SHARED, NOT_SIGNED_IN, NOTHING_SHARED, shared_table

        given = read.read_share(type(self).cognito_share, line)
        if given.stop:
            show(NOTHING_SHARED if self.state.shared.close() else NOT_SHARED)
        elif self.state.current is None:
            show(NOT_SIGNED_IN)
        else:
            self._share_as_asked(self.state.current, given)
            show(shared_table(self.state.shared.roles))

    def _share_as_asked(self, sign_in: SignIn, given: ShareArguments) -> None:
        name = self._requests.variable("name")
        self.state.shared.open(
            sign_in,
            given.role_suffixes or [self.state.variables.role_of(name, sign_in.manager)],
            follows=None if given.role_suffixes else name,
            hide_credentials_file=given.hide_credentials_file,
            default_session=given.default_session,
        )

    @magic_with_arguments("cognito_profile")
    @argument("profile", help="The profile's name.")
    @argument("-r", "--role-suffix", type=read.role, help="The profile's role; otherwise that of the session.")
    @argument("--remove", action="store_true", help="Take the profile away again.")
    @line_magic
    @plainly
    def cognito_profile(self, line: str) -> None:
        """Write a profile to ~/.aws/config by which terminals, editors and other programs use your sign-in.

        The sign-in has to be kept on this computer: %cognito_login --remember. No key gets into the file; whoever uses
        the profile asks for keys, and gets new ones for as long as you stay signed in:

            %cognito_profile science
            !aws --profile science s3 ls s3://my-bucket

        It changes nothing else in that file, and --remove takes the profile away again.
        """
        from .. import sharing
        from .status import NOT_SIGNED_IN, profile_removed, profile_written

        given, current = read.read_profile(type(self).cognito_profile, line), self.state.current
        if given.remove:
            show(profile_removed(given.profile, was_there=sharing.remove_profile(given.profile)))
        elif current is None:
            show(NOT_SIGNED_IN)
        else:
            suffix = given.role_suffix or self.state.variables.role_of(self._requests.variable("name"), current.manager)
            region = current.settings.session_region
            path = sharing.write_profile(current.manager, given.profile, suffix, region_name=region)
            show(profile_written(given.profile, str(path), current.manager.role_arn(suffix)))

    @line_magic
    @plainly
    def cognito_roles(self, line: str) -> None:
        """List the roles that your sign-in allows, with the suffix to use for each."""
        from .status import NOT_SIGNED_IN, roles_table

        self._takes_nothing("cognito_roles", line)
        current = self.state.current
        show(roles_table(current, self.state.variables) if current else NOT_SIGNED_IN)

    @line_magic
    @plainly
    def cognito_logout(self, line: str) -> None:
        """Sign out: revoke the sign-in at Cognito and take away the variables that it set.

        One that stays on this computer ends for all notebooks, each at its next renewal.

        AWS keys already handed out stay good until they expire, within an hour. The browser keeps its own Cognito
        session until you follow the link shown.
        """
        from .status import NOT_SIGNED_IN, signed_out

        self._takes_nothing("cognito_logout", line)
        current = self.state.current or self._kept()
        if current is None:
            show(NOT_SIGNED_IN)
            return
        self.state.remember(current)
        authenticator, logout_uri = current.manager.authenticator, current.settings.logout_uri
        names = self.state.sign_out()
        link = authenticator.logout_url(logout_uri) if authenticator else None
        show(signed_out(names, link))

    def request(self, given: LoginArguments) -> LoginRequest:
        """What a login's arguments and the settings ask for; whoever is there may be asked about a settings file.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        return self._requests.of(given, _agree if self.state.frontend.can_ask else None)

    def _kept(self) -> SignIn | None:
        """The sign-in that is kept on this computer, and that no login of this notebook has taken yet."""
        try:
            return self.state.kept(self._requests.usual().settings)
        except CognitoError:  # without settings there is none to be found
            return None

    def _takes_nothing(self, magic: str, line: str) -> None:
        if line.strip():
            raise SettingError(f"%{magic} takes no arguments.", "Leave out what follows it.")

    def _suffixes(self) -> list[str]:
        from ..credentials.roles import shortest_suffixes

        roles = self.state.current.manager.roles if self.state.current else ()
        return shortest_suffixes(roles, roles)

    def _profiles(self) -> list[str]:
        from ..config import profiles

        return profiles()


def _agree(text: str) -> bool:
    """Asks the person about a settings file, once; anything but a yes is a no."""
    print(text)
    return input("Use these settings? [yes/no] ").strip().lower() in {"y", "yes"}
