"""Settings: their sources, and the order of these."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.core.models import botocore_stubber

import moto_ecr_ext
from moto_ecr_ext import settings, testing
from moto_ecr_ext.seams.installation import is_installed
from moto_ecr_ext.server.commands.flags import Command
from moto_ecr_ext.settings import Setting, SettingError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without any setting."""
    for name in list(os.environ):
        if name.startswith("MOTO_ECR_"):
            monkeypatch.delenv(name)
    moto_ecr_ext.uninstall()
    yield
    moto_ecr_ext.uninstall()


every_setting = pytest.mark.parametrize("setting", settings.ALL, ids=lambda each: each.name)
every_choice = pytest.mark.parametrize(
    "setting", [each for each in settings.ALL if each.choices], ids=lambda each: each.name
)
TEXTS = {
    "compatibility": "moto",
    "upstreams": "docker-hub=http://127.0.0.1:5001",
    "scanner": "trivy image --quiet",
    "quotas": "repositories=2",
    "journal": "500",
}


def another(setting: Setting) -> str:
    """A value that is not the default."""
    if not setting.choices:
        return TEXTS[setting.name]
    (other,) = {*setting.choices} - {setting.default}
    return other


@every_setting
def test_a_setting_has_its_default(setting: Setting) -> None:
    """An unset setting has its documented default."""
    assert not setting.choices or setting.default in setting.choices
    assert setting.get() == setting.default


@every_setting
def test_the_environment_is_asked_at_each_call(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the environment is read at each call."""
    monkeypatch.setenv(setting.variable, another(setting))
    assert setting.get() == another(setting)

    monkeypatch.delenv(setting.variable)
    assert setting.get() == setting.default


@every_choice
def test_a_choice_may_be_in_upper_case(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice is accepted in upper and in lower case."""
    monkeypatch.setenv(setting.variable, another(setting).upper())
    assert setting.get() == another(setting)


@every_setting
def test_install_comes_before_the_environment(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments of `install()` override the environment until `uninstall()`."""
    monkeypatch.setenv(setting.variable, another(setting))

    with moto_ecr_ext.install(**{setting.name: setting.default}):
        assert setting.get() == setting.default

    assert setting.get() == another(setting)


@every_setting
def test_the_config_of_mock_aws_comes_first(setting: Setting) -> None:
    """`mock_aws(config={"ecr": ...})` applies to its test, and overrides `install()`."""
    config = {"ecr": {setting.name: another(setting)}}

    with moto_ecr_ext.install(**{setting.name: setting.default}):
        with mock_aws(config=config):
            assert setting.get() == another(setting)
        assert setting.get() == setting.default


def test_booleans_are_values() -> None:
    """Python's booleans are accepted as values."""
    with moto_ecr_ext.install(verify_layers=True):
        assert settings.VERIFY_LAYERS.get() == "true"
        with mock_aws(config={"ecr": {"verify_layers": False}}):
            assert settings.VERIFY_LAYERS.get() == "false"


@pytest.mark.parametrize(
    ("text", "value"),
    [(text, "true") for text in ("yes", "on", "1", "On")]
    + [(text, "false") for text in ("no", "off", "0", " NO ")],
)
def test_a_switch_has_other_words(text: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of pytest's own switches turn a switch on or off, and are refused by other settings."""
    monkeypatch.setenv("MOTO_ECR_VERIFY_LAYERS", text)
    assert settings.VERIFY_LAYERS.get() == value

    monkeypatch.setenv("MOTO_ECR_QUIRKS", text)
    with pytest.raises(SettingError, match="it must be one of none, aws"):
        settings.QUIRKS.get()


def test_a_wrong_variable_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """An impossible value raises an error that names the variable and the choices."""
    monkeypatch.setenv("MOTO_ECR_VERIFY_LAYERS", "perhaps")

    with pytest.raises(SettingError, match=r"MOTO_ECR_VERIFY_LAYERS is 'perhaps'; .* true, false"):
        settings.VERIFY_LAYERS.get()


@pytest.mark.parametrize(
    "wrong", ["docker-hub", "docker-hub=127.0.0.1:5001", "=http://127.0.0.1", "quay=ftp://a"]
)
def test_wrong_upstreams_name_themselves(wrong: str) -> None:
    """An invalid list of upstreams raises an error with the wrong entry and the right form."""
    with pytest.raises(SettingError, match=rf"install\(upstreams=.*{wrong!r} is not of the form"):
        moto_ecr_ext.install(upstreams=wrong)


def test_a_malformed_bucket() -> None:
    """An invalid URL of a bucket is refused when it is given, and not by the first call."""
    with pytest.raises(SettingError, match="'ab' is not the name of a bucket"):
        moto_ecr_ext.install(blobs="s3://ab", database="sqlite://")


def test_an_unknown_upstream_names_itself() -> None:
    """An unknown upstream registry raises an error that lists the known ones."""
    with pytest.raises(
        SettingError,
        match=r"install\(upstreams=.* dockerhub is not an upstream registry .* docker-hub, ",
    ):
        moto_ecr_ext.install(upstreams="dockerhub=http://127.0.0.1:5001")


@pytest.mark.parametrize("wrong", ["repositories", "repositories=many", "repositories=-1", "=1"])
def test_wrong_quotas_name_themselves(wrong: str) -> None:
    """An invalid list of quotas raises an error with the wrong entry and the right form."""
    with pytest.raises(
        SettingError, match=rf"install\(quotas=.*'{wrong}' is not of the form|not a quota"
    ):
        moto_ecr_ext.install(quotas=wrong)


def test_an_unknown_quota_names_itself() -> None:
    """An unknown quota raises an error that lists the known ones."""
    with pytest.raises(
        SettingError, match=r"install\(quotas=.* images is not a quota; .* images_per_repository, "
    ):
        moto_ecr_ext.install(quotas="images=2")


def test_quotas_are_those_of_aws_unless_they_are_set() -> None:
    """Each quota has AWS's value unless it is set by its name:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html.
    """
    with moto_ecr_ext.install(quotas=" images_per_repository = 2, tags_per_image=0"):
        assert settings.quota("images_per_repository") == 2
        assert settings.quota("tags_per_image") == 0
        assert settings.quota("repositories") == 100_000
    assert settings.quota("images_per_repository") == 100_000


def test_a_wrong_scanner_names_itself() -> None:
    """An invalid command line raises an error."""
    with pytest.raises(SettingError, match=r"install\(scanner=.* No closing quotation"):
        moto_ecr_ext.install(scanner="trivy 'image")


@pytest.mark.parametrize("wrong", ["clair --quiet", "/usr/bin/env trivy", "docker run trivy", "''"])
def test_a_scanner_of_another_kind_names_itself(wrong: str) -> None:
    """A scanner of unknown reports raises an error that lists the known ones."""
    with pytest.raises(SettingError, match=r"install\(scanner=.* must begin with trivy or grype"):
        moto_ecr_ext.install(scanner=wrong)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", []),
        ("  ", []),
        ("trivy image --quiet", ["trivy", "image", "--quiet"]),
        ("'/opt/my tools/grype-0.9' -q", ["/opt/my tools/grype-0.9", "-q"]),
    ],
)
def test_the_words_of_a_scanner(command: str, words: Any) -> None:
    """The command line is split as a shell does. Without any word there is no scanner."""
    assert settings.parse_scanner(command) == words


def test_defaults_give_way_to_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """`defaults` applies in a block to settings that `install()` and the environment leave out."""
    with settings.defaults(repository_uri="endpoint"):
        assert settings.REPOSITORY_URI.get() == "endpoint"
    assert settings.REPOSITORY_URI.get() == "aws"

    with moto_ecr_ext.install(repository_uri="aws"), settings.defaults(repository_uri="endpoint"):
        assert settings.REPOSITORY_URI.get() == "aws"

    monkeypatch.setenv("MOTO_ECR_REPOSITORY_URI", "aws")
    with settings.defaults(repository_uri="endpoint"):
        assert settings.REPOSITORY_URI.get() == "aws"


@pytest.mark.parametrize(
    ("arguments", "variable", "expected"),
    [
        ([], None, "endpoint"),
        ([], "aws", "aws"),
        (["--repository-uri", "endpoint"], "aws", "endpoint"),
        (["--repository-uri=AWS"], None, "aws"),
    ],
    ids=["its own default", "environment", "flag", "upper case"],
)
def test_a_command_reads_flags_then_the_environment_then_its_own_defaults(
    monkeypatch: pytest.MonkeyPatch, arguments: Any, variable: str | None, expected: str
) -> None:
    """A flag overrides the variable, and both override the command's default."""
    if variable:
        monkeypatch.setenv("MOTO_ECR_REPOSITORY_URI", variable)
    command = Command("a_command", "A command.", {"repository_uri": "endpoint"})

    flags, rest = command.parse([*arguments, "--port", "0"])
    command.open_registry(flags)

    assert settings.REPOSITORY_URI.get() == expected
    assert rest == ["--port", "0"]


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_a_command_reads_its_data_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    """The data directory is that of the flag, or else of the variable."""
    chosen = tmp_path / "chosen"
    monkeypatch.setenv("MOTO_ECR_DATA_DIR", str(tmp_path / "other" if by == "flag" else chosen))
    arguments = ["--data-dir", str(chosen)] if by == "flag" else []
    command = Command("a_command", "A command.", {})

    command.open_registry(command.parse(arguments)[0])

    assert settings.store_location().data_dir == chosen
    assert [each.name for each in tmp_path.iterdir()] == ["chosen"]


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", []),
        ("http://localhost:3000", ["http://localhost:3000"]),
        (
            " HTTP://Localhost:3000 ,, https://app.example,",
            ["http://localhost:3000", "https://app.example"],
        ),
        ("chrome-extension://abcdef", ["chrome-extension://abcdef"]),
        ("null", ["null"]),
        ("*", ["*"]),
    ],
)
def test_origins(text: str, origins: list[str]) -> None:
    """Origins are accepted as browsers write them: a scheme and an authority."""
    assert settings.parse_origins(text) == origins


@pytest.mark.parametrize(
    "wrong", ["localhost", "http://", "http://a/", "http://a/b", "http://u@a", "a b"]
)
def test_wrong_origins(wrong: str) -> None:
    """An origin that no browser sends is refused instead of never matching."""
    with pytest.raises(ValueError, match="is not an origin of web pages"):
        settings.parse_origins(wrong)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("registry.test", ["registry.test"]),
        ("Registry.Test. , ecr", ["registry.test", "ecr"]),
        ("*.dev.test", ["*.dev.test"]),
        ("*", ["*"]),
    ],
)
def test_host_names(text: str, names: list[str]) -> None:
    """Names are compared in lower case, without the final dot."""
    assert settings.parse_host_names(text) == names


@pytest.mark.parametrize(
    "wrong", ["a:5000", "http://a", "a/b", "*a", "a.*", "[::1]", "a..b", "a b"]
)
def test_wrong_host_names(wrong: str) -> None:
    """A host name with a port is refused, since all ports are meant."""
    with pytest.raises(ValueError, match="is not a host name"):
        settings.parse_host_names(wrong)


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "many", "", "1" * 7])
def test_wrong_counts(wrong: str) -> None:
    """A bound of zero is refused, as it would serve nobody."""
    with pytest.raises(ValueError, match="it must be a number above 0"):
        settings.parse_count(wrong)


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_a_command_reads_its_limits(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag overrides the variable, and both override the default."""
    command = Command("command", "", {})
    monkeypatch.setenv("MOTO_ECR_IDLE_TIMEOUT", "5")
    monkeypatch.setenv("MOTO_ECR_ALLOWED_HOSTS", "registry.test")
    arguments = ["--idle-timeout", "2.5"] if by == "flag" else []
    flags, _ = command.parse(arguments)
    limits = command.read_limits(flags)
    assert limits.idle_timeout == (2.5 if by == "flag" else 5)
    assert (limits.connections, limits.origins, limits.hosts) == (512, [], ["registry.test"])


def test_limits_are_no_settings_of_calls() -> None:
    """Limits belong to a server, so that `install()` and `mock_aws` do not accept them."""
    with pytest.raises(SettingError, match="unknown setting: idle_timeout"):
        moto_ecr_ext.install(idle_timeout=5)


def test_a_wrong_variable_is_said_by_install(
    monkeypatch: pytest.MonkeyPatch, stock_moto: None
) -> None:
    """`install()` refuses a wrong variable, and then installs nothing."""
    monkeypatch.setenv("MOTO_ECR_VERIFY_LAYERS", "perhaps")
    with pytest.raises(SettingError, match=r"^MOTO_ECR_VERIFY_LAYERS is 'perhaps'; it must be one"):
        moto_ecr_ext.install()
    assert not is_installed()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("MOTO_ECR_VERIFY_LAYER", "; did you mean MOTO_ECR_VERIFY_LAYERS?"),
        ("MOTO_ECR_DATADIR", "; did you mean MOTO_ECR_DATA_DIR?"),
        ("MOTO_ECR_IDLE_TIME", "; did you mean MOTO_ECR_IDLE_TIMEOUT?"),
        ("MOTO_ECR_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZ", ""),
    ],
)
def test_a_variable_that_no_setting_has(
    monkeypatch: pytest.MonkeyPatch, stock_moto: None, name: str, hint: str
) -> None:
    """The error has the nearest name of a setting."""
    monkeypatch.setenv(name, "")
    with pytest.raises(SettingError) as refused:
        moto_ecr_ext.install()
    assert str(refused.value) == f"{name} is not a variable of moto_ecr_ext{hint}"
    assert not is_installed()


@pytest.mark.parametrize(
    "setting", [*settings.OF_SERVERS, *settings.OF_WORKERS], ids=lambda each: each.name
)
def test_variables_of_servers_are_theirs(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test process does not read their values."""
    monkeypatch.setenv(setting.variable, "never")
    with moto_ecr_ext.install():
        assert is_installed()


def test_a_setting_that_install_does_not_have() -> None:
    """The error has the nearest name of a setting."""
    with pytest.raises(SettingError) as refused:
        moto_ecr_ext.install(verify_layer=True)
    assert str(refused.value) == "unknown setting: verify_layer; did you mean verify_layers?"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"quirks": "some"},
            "mock_aws config ecr.quirks is 'some'; it must be one of none, aws",
        ),
        (
            {"verify_layer": True},
            "mock_aws config ecr.verify_layer: unknown setting; did you mean verify_layers?",
        ),
        ({"zzz": 1}, "mock_aws config ecr.zzz: unknown setting"),
    ],
)
def test_a_wrong_config_is_said_when_the_mock_starts(config: dict[str, Any], message: str) -> None:
    """A wrong configuration is refused before the mock starts, as a context manager and as a decorator."""
    moto_ecr_ext.install()
    mock = mock_aws(config={"ecr": config})

    with pytest.raises(SettingError) as refused, mock:
        pytest.fail("the mock has started")
    assert str(refused.value) == message

    @mock
    def call() -> None:
        pytest.fail("the mock has started")

    with pytest.raises(SettingError):
        call()
    assert not botocore_stubber.enabled
    assert settings.QUIRKS.get() == "none"
    with mock_aws():
        assert botocore_stubber.enabled


def test_stock_moto_does_not_know_the_config(stock_moto: None) -> None:
    """Stock moto ignores the configuration."""
    with mock_aws(config={"ecr": {"quirks": "some"}}):
        pass


def test_type_checkers_know_every_setting() -> None:
    """`Settings` has a key for each setting, with the type of its values."""
    types = typing.get_type_hints(settings.Settings)
    assert list(types) == [setting.name for setting in settings.ALL]
    for setting in settings.ALL:
        literals = [
            value
            for part in typing.get_args(types[setting.name])
            for value in typing.get_args(part)
        ] or list(typing.get_args(types[setting.name]))
        assert tuple(literals) == setting.choices, setting.name


def test_type_checkers_know_the_builder() -> None:
    """`ImageBuilder` is called as `build_image` is."""
    [_, *taken] = inspect.signature(testing.ImageBuilder.__call__).parameters.values()
    assert taken == [*inspect.signature(testing.build_image).parameters.values()]
