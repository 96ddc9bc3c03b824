"""The names of a sign-in's variables: whatever is accepted, the user can read by that name, and nothing is hidden."""

from __future__ import annotations

import builtins
import contextlib
import keyword

import pytest
from hypothesis import example, given, strategies as st

from cognito_jupyter.errors import SettingError
from cognito_jupyter.notebook.model.login_requests import LoginArguments, LoginRequestFactory

OPTIONS = ("name", "manager_name")
NAMES = (
    st.text(min_size=1, max_size=8)
    | st.from_regex(r"[^\W\d]\w{0,6}", fullmatch=True)
    | st.sampled_from([*dir(builtins), *keyword.kwlist, *keyword.softkwlist])
)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("print", "a name of Python's own"),
        ("type", "a name of Python's own"),
        ("match", "a name of Python's own"),
        ("class", "cannot be the name of a variable"),
        ("None", "cannot be the name of a variable"),
        ("a b", "cannot be the name of a variable"),
        ("a.b", "cannot be the name of a variable"),
        ("", "cannot be the name of a variable"),
        ("\uff53ession", "which Python reads as 'session'"),
        ("\uff50rint", "which Python reads as 'print'"),
        ("\ufb01le", "which Python reads as 'file'"),
        ("_", "a name of Python's own"),
        ("__", "IPython or Python sets by itself"),
        ("_i1", "IPython or Python sets by itself"),
        ("_17", "IPython or Python sets by itself"),
        ("_oh", "IPython or Python sets by itself"),
        ("In", "IPython or Python sets by itself"),
        ("__builtins__", "IPython or Python sets by itself"),
        ("__file__", "IPython or Python sets by itself"),
        ("get_ipython", "IPython or Python sets by itself"),
    ],
)
def test_a_name_in_use_or_unreadable_is_refused_as_an_argument_and_in_the_configuration(
    option: str, name: str, reason: str
) -> None:
    with pytest.raises(SettingError, match=reason):
        LoginArguments(name=name) if option == "name" else LoginArguments(manager_name=name)
    with pytest.raises(SettingError, match=reason) as refused:
        LoginRequestFactory(lambda: {option: name}).variable_name(option)
    assert str(refused.value).startswith(f"c.CognitoMagics.{option} is ")


@pytest.mark.parametrize("name", ["session", "cognito", "s", "_session", "größe", "名前", "matches", "In2"])
def test_other_names_are_accepted(name: str) -> None:
    assert LoginArguments(name=name).name == name


@given(NAMES)
@example("\u2118")  # an identifier, although no letter
@example("\u1e9b\u0323")
def test_an_accepted_name_is_read_by_the_same_name_and_hides_nothing(name: str) -> None:
    with contextlib.suppress(SettingError):
        LoginArguments(name=name)
        namespace: dict[str, object] = {name: "the session"}
        assert eval(name, namespace) == "the session"
        assert not hasattr(builtins, name)
