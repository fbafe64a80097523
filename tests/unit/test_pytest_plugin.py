"""The pytest plugin, in runs of their own as a user's project has them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

pytest_plugins = ["pytester"]

IS_INSTALLED = """
    import boto3
    from moto import mock_aws
    from moto.ecr.models import ecr_backends

    @mock_aws
    def test_it():
        (login,) = boto3.client("ecr", region_name="us-east-1").get_authorization_token()[
            "authorizationData"
        ]
        assert login["expiresAt"].year > 2015, "moto's own ECR has answered"
"""


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest in a process, without this project's configuration and with this plugin alone."""
    for name in ("MOTO_ECR_DATA_DIR", "MOTO_ECR_REPOSITORY_URI", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(test: str, *arguments: str, ini: str = "", conftest: str = "") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\nfilterwarnings = error\n{ini}")
        pytester.makeconftest(dedent(conftest))
        pytester.makepyfile(dedent(test))
        return pytester.runpytest_subprocess("-p", "moto_ecr_ext.pytest_plugin", *arguments)

    return run


def test_it_is_there_without_being_asked_for(pytester: pytest.Pytester) -> None:
    """pytest finds the plugin by its entry point, once the package is installed."""
    result = pytester.runpytest_subprocess("--help")

    result.stdout.fnmatch_lines(["*--moto-ecr-ext*", "*moto_ecr_ext (bool):*"])


def test_the_ini_option_installs_it(run: Run) -> None:
    """With `moto_ecr_ext = true` tests see the extension."""
    run(IS_INSTALLED, ini="moto_ecr_ext = true").assert_outcomes(passed=1)


def test_the_flag_installs_it(run: Run) -> None:
    """With `--moto-ecr-ext` tests see the extension."""
    run(IS_INSTALLED, "--moto-ecr-ext").assert_outcomes(passed=1)


def test_without_either_moto_itself_answers(run: Run) -> None:
    """Having the plugin is not using it."""
    result = run(IS_INSTALLED)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*moto's own ECR has answered*"])


def test_it_costs_nothing_when_it_is_not_used(run: Run) -> None:
    """A run that does not ask for it imports neither moto nor boto3 nor SQLAlchemy for it."""
    result = run(
        """
        import sys

        def test_it():
            names = {name.partition(".")[0] for name in sys.modules}
            assert not names & {"moto", "boto3", "botocore", "responses", "sqlalchemy"}
            assert "moto_ecr_ext" in names
        """
    )

    result.assert_outcomes(passed=1)


def test_it_is_taken_out_when_the_run_ends(run: Run) -> None:
    """After the run, and not before the last fixture is gone, moto is as it was."""
    result = run(
        IS_INSTALLED,
        "--moto-ecr-ext",
        "-s",
        conftest="""
        from moto.ecr.models import ecr_backends

        def pytest_sessionfinish():
            print("at the end:", ecr_backends.backend.__module__)

        def pytest_configure(config):
            config.add_cleanup(lambda: print("after it:", ecr_backends.backend.__module__))
        """,
    )

    result.stdout.fnmatch_lines(
        ["*at the end: moto_ecr_ext.activation.backends", "after it: moto.ecr*"]
    )


def test_settings_of_a_conftest_remain(run: Run) -> None:
    """A conftest that installs it with settings keeps them, with the option and the fixture."""
    result = run(
        """
        from moto_ecr_ext import settings

        def test_option():
            assert settings.VERIFY_LAYERS.get() == "true"

        def test_fixture(moto_ecr_server):
            assert settings.VERIFY_LAYERS.get() == "true"
            assert settings.REPOSITORY_URI.get() == "endpoint"

        def test_afterwards():
            assert settings.VERIFY_LAYERS.get() == "true"
            assert settings.REPOSITORY_URI.get() == "aws"
        """,
        ini="moto_ecr_ext = true",
        conftest="""
        import moto_ecr_ext

        moto_ecr_ext.install(verify_layers=True)
        """,
    )

    result.assert_outcomes(passed=3)


def test_the_server_is_one_that_images_are_pushed_to(run: Run) -> None:
    """The fixture is a server with clients, a password and an address that images are pushed to."""
    result = run(
        """
        import requests
        from moto_ecr_ext.testing import pull, push

        def test_push(moto_ecr_server, moto_ecr_image):
            ecr = moto_ecr_server.client()
            repository = ecr.create_repository(repositoryName="team/app")["repository"]
            assert repository["repositoryUri"] == f"{moto_ecr_server.address}/team/app"
            image = moto_ecr_image(seed=1, layers=3)

            push(ecr, "team/app", image, tag="1.0")

            manifest = requests.get(
                f"{moto_ecr_server.url}/v2/team/app/manifests/1.0",
                auth=("AWS", moto_ecr_server.password()),
            )
            assert manifest.content == image.manifest
            assert pull(ecr, "team/app", "1.0").digest == image.digest

        def test_another_begins_empty(moto_ecr_server):
            assert moto_ecr_server.client().describe_repositories()["repositories"] == []

        def test_regions(moto_ecr_server):
            moto_ecr_server.client(region="eu-west-1").create_repository(repositoryName="app")
            catalog = requests.get(
                f"{moto_ecr_server.url}/v2/_catalog",
                auth=("AWS", moto_ecr_server.password("eu-west-1")),
            )
            assert catalog.json() == {"repositories": ["app"]}

        def test_other_services(moto_ecr_server):
            assert moto_ecr_server.client("sqs").list_queues()

        def test_afterwards():
            from moto.ecr.models import ecr_backends

            assert ecr_backends.backend.__module__ == "moto.ecr.models"
        """
    )

    result.assert_outcomes(passed=5)


def test_the_server_may_be_used_beside_the_decorator(run: Run) -> None:
    """Images of a test under `mock_aws` are there in the server, which shares its state."""
    result = run(
        """
        import boto3
        import requests
        from moto import mock_aws
        from moto_ecr_ext.testing import push

        def test_it(moto_ecr_server, moto_ecr_image):
            with mock_aws(config={"core": {"passthrough": {"urls": ["http://127.0.0.1"]}}}):
                ecr = boto3.client("ecr", region_name="us-east-1")
                created = ecr.create_repository(repositoryName="app")["repository"]
                assert ".dkr.ecr." in created["repositoryUri"]
                image = moto_ecr_image(seed=1)
                push(ecr, "app", image, tag="1.0")

                answer = requests.get(
                    f"{moto_ecr_server.url}/v2/app/manifests/1.0",
                    auth=("AWS", moto_ecr_server.password()),
                )
                assert answer.content == image.manifest
        """
    )

    result.assert_outcomes(passed=1)


@pytest.mark.skipif(sys.platform == "win32", reason="xdist is tested on POSIX")
def test_it_is_installed_in_every_worker_of_xdist(run: Run) -> None:
    """With pytest-xdist the option counts in its workers."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")

    result = run(IS_INSTALLED, "-p", "xdist", "-n", "2", ini="moto_ecr_ext = true")

    result.assert_outcomes(passed=1)
