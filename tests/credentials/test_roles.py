"""The roles of an id token, and the one that a role suffix means."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.credentials.roles import choose_role, default_role, roles_in, shortest_suffixes
from cognito_jupyter.errors import RoleError

ANALYST = "arn:aws:iam::123456789012:role/cognito-jupyter-Analyst"
SENIOR = "arn:aws:iam::123456789012:role/cognito-jupyter-SeniorAnalyst"
UPLOADER = "arn:aws:iam::123456789012:role/cognito-jupyter-Uploader"
WORDS = st.lists(st.sampled_from(["a", "A", "b", "Analyst", "team", "x1"]), min_size=1, max_size=4)
PATH_PARTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1)
NAMES = st.text("aA1+=.@-_", min_size=1, max_size=4)
PATHS = st.builds(lambda path, name: f"arn:aws:iam::123456789012:role/{path}/{name}", PATH_PARTS, NAMES)
"""What IAM allows in a role's path and name; without the comma, which separates the suffixes in a message."""
ARNS = st.builds(lambda path: f"arn:aws:iam::123456789012:role/{'-'.join(path)}", WORDS)


@pytest.mark.parametrize("claimed", [[ANALYST, UPLOADER], f"{ANALYST},{UPLOADER}", f" {ANALYST} , {UPLOADER} "])
def test_roles_are_read_from_an_array_and_from_text_with_commas(claimed: object) -> None:
    """The guide says text, live tokens hold an array (aws-sdk-net#943)."""
    assert roles_in({"cognito:roles": claimed}) == (ANALYST, UPLOADER)


@pytest.mark.parametrize("claimed", [None, [], "", 7, [None, 7], {}])
def test_a_token_without_roles_has_none(claimed: object) -> None:
    assert roles_in({"cognito:roles": claimed}) == ()


def test_the_one_role_that_ends_with_the_suffix_is_chosen() -> None:
    assert choose_role((ANALYST, UPLOADER), "Uploader") == UPLOADER


def test_without_a_suffix_the_preferred_role_is_chosen_and_without_it_the_first() -> None:
    roles = {"cognito:roles": [UPLOADER, ANALYST]}
    assert default_role(roles) == UPLOADER
    assert default_role({**roles, "cognito:preferred_role": ANALYST}) == ANALYST


@pytest.mark.parametrize("preferred", [SENIOR, "", 7, None, [ANALYST]])
def test_a_preferred_role_that_is_none_of_the_tokens_roles_does_not_count(preferred: object) -> None:
    assert default_role({"cognito:roles": [UPLOADER, ANALYST], "cognito:preferred_role": preferred}) == UPLOADER


@pytest.mark.parametrize("preferred", [None, ANALYST])
def test_without_roles_and_suffix_the_identity_pool_decides(preferred: object) -> None:
    assert default_role({"cognito:preferred_role": preferred}) is None


def test_an_unknown_suffix_names_the_roles_there_are() -> None:
    with pytest.raises(
        RoleError, match=r"No role ends with 'Admin'\. This sign-in allows: Analyst, Uploader\."
    ) as raised:
        choose_role((ANALYST, UPLOADER), "Admin")
    assert isinstance(raised.value, PermissionError)


def test_a_suffix_that_fits_two_roles_shows_what_tells_them_apart() -> None:
    """`-Analyst` would do so too, but a magic and a command take it for an option."""
    message = r"2 roles end with 'Analyst'\. Choose one of: jupyter-Analyst, SeniorAnalyst\."
    with pytest.raises(RoleError, match=message):
        choose_role((ANALYST, SENIOR), "Analyst")


@pytest.mark.parametrize("roles", [(ANALYST, UPLOADER), ()])
@pytest.mark.parametrize(
    "secret",
    ["http://localhost:3000/?code=5f0e6b7c&state=abc", "?state=abc&code=5f0e6b7c", "eyJraWQiOiJhYmMi.eyJh.sig"],
)
def test_an_address_or_a_token_given_as_a_role_is_not_repeated(roles: tuple[str, ...], secret: str) -> None:
    with pytest.raises(RoleError, match="No role ends with what was given") as raised:
        choose_role(roles, secret)
    assert secret not in str(raised.value)


def test_a_suffix_is_an_error_when_the_token_names_no_role() -> None:
    with pytest.raises(RoleError, match="names no roles"):
        choose_role((), "Analyst")


@given(st.lists(ARNS | PATHS, min_size=1, max_size=6, unique=True))
def test_every_suffix_shown_chooses_its_own_role(roles: list[str]) -> None:
    """Except if one whole ARN ends with another, which AWS's ARNs cannot."""
    for role, suffix in zip(roles, shortest_suffixes(roles, roles), strict=True):
        assert choose_role(roles, suffix) == role


@given(st.lists(ARNS | PATHS, max_size=6), st.lists(ARNS | PATHS, max_size=3))
def test_the_suffix_shown_is_the_shortest_that_no_other_role_ends_with(among: list[str], others: list[str]) -> None:
    def is_word_of_one_role(role: str, start: int) -> bool:
        return (
            role[start].isalnum()
            and not role[start - 1].isalnum()
            and [other for other in among if other.endswith(role[start:])] == [role]
        )

    roles = [*among, *others]
    expected = [
        next((role[start:] for start in range(len(role) - 1, 0, -1) if is_word_of_one_role(role, start)), role)
        for role in roles
    ]
    assert shortest_suffixes(roles, among) == expected


def test_to_name_many_roles_each_is_compared_with_two_others() -> None:
    """A panel names all roles of its menu, and waited two milliseconds for a hundred of them."""
    compared: list[str] = []

    class Role(str):
        __slots__ = ()

        def endswith(self, suffix: object, *_: object) -> bool:
            compared.append(str(suffix))
            return str(self).endswith(str(suffix))

    roles = [Role(f"arn:aws:iam::123456789012:role/team/Role{number:03}") for number in range(100)]
    assert shortest_suffixes(roles, roles) == [f"Role{number:03}" for number in range(100)]
    assert len(compared) <= 2 * len(roles)


@given(st.lists(ARNS | PATHS, min_size=1, max_size=6, unique=True), st.data())
def test_every_suffix_that_an_error_offers_can_be_typed(roles: list[str], data: st.DataObject) -> None:
    """As one word after a magic or a command, without its option."""
    with pytest.raises(RoleError) as raised:
        choose_role(roles, "no such role")
    typed = raised.value.remedy.removeprefix("This sign-in allows: ").removesuffix(".").split(", ")
    role, word = data.draw(st.sampled_from(list(zip(roles, typed, strict=True))))
    (suffix,) = shlex.split(word)
    assert suffix[0].isalnum()
    assert choose_role(roles, suffix) == role
