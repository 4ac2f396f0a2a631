"""Secrets are in nothing that the tap says; the faults' tests look for them in every run too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.trust.test_faults import assert_no_secrets
from tests.trust.world import SECRETS, VENDORS

if TYPE_CHECKING:
    from tests.singer import Tap
    from tests.trust.world import World

LOUD = {"LOGLEVEL": "DEBUG"}


@pytest.mark.parametrize(
    "arguments",
    [[], ["--test"], ["--discover"], ["--about", "--format=json"], ["--about"], ["--version"]],
    ids=" ".join,
)
def test_no_secret_is_said(tap: Tap, world: World, arguments: list[str]) -> None:
    done = tap.run(*arguments, environment=LOUD)
    assert done.code == 0, done.log
    assert_no_secrets(done, world)


@pytest.mark.parametrize("name", [*SECRETS, "aws_secret_access_key"])
def test_a_wrong_secret_is_not_said_either(tap: Tap, world: World, name: str) -> None:
    wrong: dict[str, Any] = {name: "a-wrong-secret-of-the-trust"}
    for arguments in ([], ["--test"]):
        done = tap.run(*arguments, environment=LOUD, **wrong)
        assert done.code == 1
        assert_no_secrets(done, world)
        assert wrong[name] not in "\n".join((done.log, *done.lines))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_of_another_form_is_not_quoted(tap: Tap, world: World, name: str) -> None:
    for value in (SECRETS[name] + "\n", SECRETS[name] + "한", [SECRETS[name]]):
        wrong: dict[str, Any] = {name: value}
        done = tap.run(environment=LOUD, **wrong)
        assert done.code == 1
        assert name in done.log
        assert_no_secrets(done, world)


@pytest.mark.parametrize("name", VENDORS)
def test_plain_http_is_refused_beyond_loopback(tap: Tap, world: World, name: str) -> None:
    address: dict[str, Any] = {f"{name}_api_url": "http://vendor.example"}
    done = tap.run(**address)
    assert done.code == 1
    assert f"{name}_api_url" in done.log
    assert "https" in done.log
    assert not world.sandbox.requests
