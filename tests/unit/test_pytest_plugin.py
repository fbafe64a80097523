"""The pytest plugin, in separate runs as a user's project has them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

from moto_ecr_ext import settings

pytestmark = pytest.mark.slow

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
    for name in (
        "MOTO_ECR_COMPATIBILITY",
        "MOTO_ECR_DATA_DIR",
        "MOTO_ECR_REPOSITORY_URI",
        "PYTEST_ADDOPTS",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(test: str, *arguments: str, ini: str = "", conftest: str = "") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\nfilterwarnings = error\n{ini}")
        pytester.makeconftest(dedent(conftest))
        pytester.makepyfile(dedent(test))
        return pytester.runpytest_subprocess("-p", "moto_ecr_ext.pytest_plugin", *arguments)

    return run


def test_pytest_finds_the_plugin(pytester: pytest.Pytester) -> None:
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
    """The plugin alone, without option and flag, leaves moto's own ECR."""
    result = run(IS_INSTALLED)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*moto's own ECR has answered*"])


def test_it_costs_nothing_when_it_is_not_used(run: Run) -> None:
    """A run without the option imports no moto, no boto3 and no SQLAlchemy for the plugin."""
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
    """moto is restored after the run, and not before the last fixture is finished."""
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

    result.stdout.fnmatch_lines(["*at the end: moto_ecr_ext.seams.backends", "after it: moto.ecr*"])


def test_the_server_needs_its_extra(run: Run) -> None:
    """The fixture's error names the package to install."""
    result = run(
        """
        def test_it(moto_ecr_server):
            pass
        """,
        conftest="import sys; sys.modules['flask'] = None",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*flask*. Install moto_ecr_ext with its extra 'server'."])


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
    """Images of a test under `mock_aws` are in the server, which shares its state."""
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
def test_a_test_of_the_server_begins_without_faults(run: Run) -> None:
    """Faults end with the test that began them, as everything in the server does."""
    result = run(
        """
        import boto3
        from moto_ecr_ext.testing import faults

        def repositories(server):
            ecr = boto3.client("ecr", endpoint_url=server.url, region_name="us-east-1",
                               aws_access_key_id="a", aws_secret_access_key="b")
            return ecr.describe_repositories()["repositories"]

        def test_first(moto_ecr_server):
            faults.fail("DescribeRepositories", error="ServerException")

        def test_second(moto_ecr_server):
            assert repositories(moto_ecr_server) == []

        def test_third():
            assert faults.active() == ()
        """
    )
    result.assert_outcomes(passed=3)


def test_it_is_installed_in_every_worker_of_xdist(run: Run) -> None:
    """With pytest-xdist the option counts in its workers."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")

    result = run(IS_INSTALLED, "-p", "xdist", "-n", "2", ini="moto_ecr_ext = true")

    result.assert_outcomes(passed=1)


MADE_UP_DIGEST = """
    import boto3
    import pytest
    from moto import mock_aws

    MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'

    def put(name, **options):
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_repository(repositoryName=name)
        ecr.put_image(repositoryName=name, imageManifest=MANIFEST, **options)

    @pytest.fixture(scope="module")
    def image():
        with mock_aws():
            put("app", imageDigest="sha256:" + "a" * 64)
            yield

    def test_first(image):
        pass

    def test_second(image):
        pass

    @mock_aws
    def test_real():
        put("real")
"""


@pytest.mark.once
def test_a_failing_test_is_guided(run: Run) -> None:
    """The end of the run has the line for pytest.ini, the refused call, the code to write, AWS's rule and its page.

    A later test whose fixture failed by it counts too; a test that passes does not.
    """
    result = run(MADE_UP_DIGEST, "--moto-ecr-ext")

    result.assert_outcomes(errors=2, passed=1)
    assert reported(result) == [
        "To keep stock moto's behaviour, in pytest.ini: moto_ecr_ext_compatibility = moto: made-up-digests",
        "made-up-digests: 1 refused, in 2 tests, first test_a_failing_test_is_guided.py::test_first "
        f"(PutImage, sha256:{'a' * 64})",
        "  Write: Omit `imageDigest`, and read the digest from PutImage's response. AWS: The digest of an image is "
        "the sha256 of its manifest; any other one is refused. "
        "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html",
    ]


SIX_FAILURES = """
    import boto3
    import pytest
    from moto import mock_aws

    @pytest.fixture
    def ecr():
        with mock_aws():
            ecr = boto3.client("ecr", region_name="us-east-1")
            ecr.create_repository(repositoryName="app")
            yield ecr

    @pytest.mark.parametrize("number", range(3))
    def test_manifest(ecr, number):
        ecr.put_image(repositoryName="app", imageManifest="any text", imageTag="v1")

    def test_tag(ecr):
        manifest = '{"schemaVersion": 2, "mediaType": "%s", "manifests": []}'
        media_type = "application/vnd.oci.image.index.v1+json"
        ecr.put_image(repositoryName="app", imageManifest=manifest % media_type, imageTag="a/b")

    def test_id(ecr):
        ecr.get_authorization_token(registryIds=["1"])

    def test_policy(ecr):
        ecr.set_repository_policy(
            repositoryName="app",
            policyText='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", '
            '"Action": "ecr:BatchGetImage", "Resource": "*"}]}',
        )
"""


@pytest.mark.once
def test_a_run_with_six_failures_is_explained_in_few_lines(run: Run) -> None:
    """Each kind is named once, those of most tests first, behind the line for pytest.ini; a fault is named too."""
    result = run(SIX_FAILURES, "--moto-ecr-ext")

    result.assert_outcomes(failed=6)
    lines = reported(result)
    assert len(lines) < 15
    (setting,) = (each.partition("moto_ecr_ext_")[2] for each in lines if "in pytest.ini" in each)
    assert lines[0].endswith(setting)
    assert lines[1].startswith("placeholder-manifests: 3 refused, in 3 tests, first ")
    assert [
        each
        for each in lines
        if "(SetRepositoryPolicy, a repository policy: it may not have Resource)" in each
    ]
    run(SIX_FAILURES, ini=f"moto_ecr_ext_{setting}").assert_outcomes(passed=6)


def reported(result: pytest.RunResult) -> list[str]:
    """The lines below the title of the report."""
    (start,) = (
        number
        for number, line in enumerate(result.outlines)
        if "= moto_ecr_ext and stock moto =" in line
    )
    lines = result.outlines[start + 1 :]
    return lines[: next(number for number, line in enumerate(lines) if line.startswith("="))]


@pytest.mark.once
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_report_lists_a_whole_run(run: Run, workers: str) -> None:
    """`--moto-ecr-ext-report` installs the extension, and lists each kind once, with its tests; with pytest-xdist
    too.
    """
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")

    result = run(MADE_UP_DIGEST, "-p", "xdist", "-n", workers, "--moto-ecr-ext-report")

    result.assert_outcomes(errors=2, passed=1)
    section = result.stdout.str().rpartition("moto_ecr_ext and stock moto ==")[2]
    # Each worker has its own fixture, and each test that fails by one is listed.
    assert re.search(
        r"made-up-digests: [12] refused, in 2 tests \(PutImage, sha256:a+\)\n", section
    )
    for test in ("first", "second"):
        assert f"    test_the_report_lists_a_whole_run.py::test_{test}\n" in section
    assert (
        "To keep stock moto's behaviour, in pytest.ini: moto_ecr_ext_compatibility = moto: made-up-digests"
        in section
    )


@pytest.mark.once
def test_the_report_lists_what_moto_accepts(run: Run) -> None:
    """With `moto` nothing is refused, and the report lists what AWS would refuse: all the work before it begins."""
    result = run(MADE_UP_DIGEST, "--moto-ecr-ext-report", ini="moto_ecr_ext_compatibility = moto")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["made-up-digests: 1 as moto, in 1 test (PutImage, sha256:*)"])


OTHER_ANSWERS = """
    import base64
    import boto3
    import pytest
    from moto import mock_aws

    MANIFESTS = [
        '{"mediaType": "application/vnd.oci.image.index.v1+json", "schemaVersion": 2,' + each + '}'
        for each in ('"manifests": []', '"manifests": [], "annotations": {}')
    ]

    @pytest.fixture
    def ecr():
        with mock_aws():
            yield boto3.client("ecr", region_name="us-east-1")

    @pytest.fixture
    def token(ecr):
        (data,) = ecr.get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode()

    def test_token(token):
        assert token == "AWS:123456789012-auth-token"

    def test_form_of_the_token(token):
        assert token.startswith("AWS:")

    def test_moved_tag(ecr):
        ecr.create_repository(repositoryName="app")
        for each in MANIFESTS:
            ecr.put_image(repositoryName="app", imageManifest=each, imageTag="v1")
        assert len(ecr.list_images(repositoryName="app")["imageIds"]) == 1
"""


@pytest.mark.once
def test_other_answers_are_named_if_a_test_fails(run: Run) -> None:
    """Other answers may be the reason of a failure: the section and the report name them with the setting, with
    which the tests pass.
    """
    result = run(OTHER_ANSWERS, "--moto-ecr-ext-report")

    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "To keep stock moto's behaviour, in pytest.ini: *",
            "last-tag-deletes-image: 1 as on AWS, in 1 test (PutImage, *)",
            "constant-token: 1 as on AWS, in 1 test (GetAuthorizationToken, a token)",
        ],
        consecutive=False,
    )
    (line,) = (each for each in result.outlines if each.startswith("To keep stock moto's"))
    setting = line.partition("_compatibility = ")[2]
    assert setting == "moto: last-tag-deletes-image, constant-token"
    result.stdout.no_fnmatch_line("    *::test_form_of_the_token")

    result = run(OTHER_ANSWERS, f"--moto-ecr-ext-compatibility={setting}")
    result.assert_outcomes(passed=3)


@pytest.mark.once
def test_a_report_may_be_empty(run: Run) -> None:
    """The report of a suite that holds on AWS is empty."""
    result = run(IS_INSTALLED, "--moto-ecr-ext-report")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["No test made a call that stock moto accepts and AWS refuses."])


@pytest.mark.parametrize(
    ("arguments", "ini", "variable", "expected"),
    [
        pytest.param([], "moto", None, "moto", id="ini"),
        pytest.param([], "moto", "strict", "strict", id="the environment before the ini"),
        pytest.param(
            ["--moto-ecr-ext-compatibility", "moto: whole-lists"],
            "moto",
            "strict",
            "moto: whole-lists",
            id="the flag before both",
        ),
        pytest.param(["--moto-ecr-ext"], "", "moto", "moto", id="the environment alone"),
        pytest.param(["--moto-ecr-ext"], "", None, "aws", id="none"),
    ],
)
def test_the_compatibility_of_a_run(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    ini: str,
    variable: str | None,
    expected: str,
) -> None:
    """The compatibility comes from the flag, the environment or the configuration; the plugin's flag and key also
    install the extension. A test that installs it again, with other settings, has it too. The header names it.
    """
    monkeypatch.delenv("MOTO_ECR_COMPATIBILITY", raising=False)
    if variable:
        monkeypatch.setenv("MOTO_ECR_COMPATIBILITY", variable)
    result = run(
        f"""
        import moto_ecr_ext
        from moto_ecr_ext import settings
        from moto_ecr_ext.seams.installation import is_installed

        def test_it():
            assert is_installed()
            assert settings.COMPATIBILITY.get() == {expected!r}
            with moto_ecr_ext.install(redirect=True):
                assert settings.COMPATIBILITY.get() == {expected!r}
        """,
        *arguments,
        ini=f"moto_ecr_ext_compatibility = {ini}",
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"moto_ecr_ext: *, compatibility {expected}, *"])


def test_a_wrong_compatibility_ends_the_run(run: Run) -> None:
    """The error names the configuration and the nearest name."""
    result = run(IS_INSTALLED, ini="moto_ecr_ext_compatibility = moto: made-up-digest")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "*moto_ecr_ext_compatibility is *no leniency made-up-digest; did you mean made-up-digests?"
        ]
    )


IMMUTABLE = """
    import boto3
    from botocore.exceptions import ClientError
    from moto import mock_aws
    from moto_ecr_ext.testing import build_image, push

    @mock_aws
    def test_tag():
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
        push(ecr, "app", build_image(seed=1), tag="v1")
        try:
            push(ecr, "app", build_image(seed=2), tag="v1")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ImageAlreadyExistsException"
"""


@pytest.mark.once
def test_which_codes_count_is_said(run: Run) -> None:
    """A test that passes by a code that AWS lacks is named; with AWS's codes it fails."""
    result = run(IMMUTABLE, "--moto-ecr-ext")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "moto_ecr_ext: *, compatibility aws, this project's error codes: Error.Code is *",
            "Error.Code was not AWS's in *::test_tag. On AWS, Error.Code is "
            "ImageTagAlreadyExistsException * Set moto_ecr_ext_error_codes = aws in pytest's configuration.",
        ]
    )

    result = run(IMMUTABLE, "--moto-ecr-ext-compatibility=strict")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["moto_ecr_ext: *, compatibility strict, AWS's error codes"])
    result.stdout.no_fnmatch_line("*Error.Code was not AWS's*")


def test_nothing_is_said_where_it_is_not_installed(run: Run) -> None:
    """A run of stock moto has no header and no sections."""
    result = run(MADE_UP_DIGEST)

    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("*moto_ecr_ext:*")


def test_every_setting_has_a_key(pytester: pytest.Pytester) -> None:
    """pytest's configuration has a key for every setting, and `pytest --help` lists them."""
    result = pytester.runpytest_subprocess("--help")

    for setting in settings.ALL:
        result.stdout.fnmatch_lines([f"*moto_ecr_ext_{setting.name} (string):*"])


SETTINGS = """
    from moto import mock_aws
    from moto_ecr_ext import settings

    def test_it():
        assert settings.VERIFY_LAYERS.get() == "true"
        assert settings.QUIRKS.get() == {quirks!r}
        with mock_aws(config={{"ecr": {{"quirks": "none"}}}}):
            assert settings.QUIRKS.get() == "none"
"""


def test_a_key_of_the_configuration_is_a_setting(run: Run) -> None:
    """A key of the configuration installs the extension. The header names its values; a test can override them."""
    ini = "moto_ecr_ext_verify_layers = true\nmoto_ecr_ext_quirks = aws"

    result = run(SETTINGS.format(quirks="aws"), ini=ini)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["moto_ecr_ext: *, compatibility aws, verify_layers=true, quirks=aws, this project's *"]
    )


def test_the_environment_comes_before_the_configuration(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment overrides the configuration, for a single run."""
    monkeypatch.setenv("MOTO_ECR_QUIRKS", "none")
    ini = "moto_ecr_ext_verify_layers = true\nmoto_ecr_ext_quirks = aws"

    run(SETTINGS.format(quirks="none"), ini=ini).assert_outcomes(passed=1)


def test_a_wrong_value_of_a_key_ends_the_run(run: Run) -> None:
    """The error names the key."""
    result = run(IS_INSTALLED, ini="moto_ecr_ext_quirks = some")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*moto_ecr_ext_quirks is 'some'; it must be one of none, aws*"])


def test_a_misspelled_key_ends_the_run(run: Run) -> None:
    """pytest itself would only warn, and the suite would run without the setting."""
    result = run(IS_INSTALLED, "-W", "default", ini="moto_ecr_ext_verify_layer = true")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "*moto_ecr_ext_verify_layer: there is no such setting; did you mean moto_ecr_ext_verify_layers?"
        ]
    )


@pytest.mark.parametrize("word", ["yes", "on", "1", "True"])
def test_a_switch_of_the_configuration_has_pytest_s_words(run: Run, word: str) -> None:
    """A switch in the configuration accepts the words of pytest's own switches."""
    ini = f"moto_ecr_ext_verify_layers = {word}\nmoto_ecr_ext_quirks = aws"

    run(SETTINGS.format(quirks="aws"), ini=ini).assert_outcomes(passed=1)


MISSING_LAYER = """
    import boto3
    import json
    import pytest
    from moto import mock_aws
    from moto_ecr_ext.testing import build_image, push

    @pytest.fixture
    def ecr():
        with mock_aws():
            ecr = boto3.client("ecr", region_name="us-east-1")
            ecr.create_repository(repositoryName="app")
            yield ecr

    def test_missing(ecr):
        manifest = build_image().manifest.decode()
        with pytest.raises(ecr.exceptions.LayersNotFoundException):
            ecr.put_image(repositoryName="app", imageManifest=manifest)

    def test_other(ecr):
        push(ecr, "app", build_image(), tag="v1")
        assert ecr.list_images(repositoryName="app")["imageIds"] == []

    def test_availability(ecr):
        answer = ecr.batch_check_layer_availability(
            repositoryName="app", layerDigests=["sha256:" + "a" * 64]
        )
        assert answer["failures"]
"""


@pytest.mark.once
def test_a_manifest_without_its_layers_is_explained(run: Run) -> None:
    """A test that fails since PutImage accepts a missing layer by default gets AWS's error and the setting.

    A suite that has chosen a compatibility, or not to verify, gets no hint.
    """
    result = run(MISSING_LAYER, "--moto-ecr-ext", "-k", "missing")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "To have AWS's behaviour, in pytest.ini: moto_ecr_ext_verify_layers = true",
            "missing-layers: 1 as moto, in 1 test, first *test_missing (PutImage, an image without its layers)",
            "  Write: Push the layers too: * AWS: PutImage answers LayersNotFoundException, *",
        ]
    )
    for ini in ("moto_ecr_ext_compatibility = moto", "moto_ecr_ext_verify_layers = false"):
        result = run(MISSING_LAYER, "-k", "missing", ini=ini)
        result.assert_outcomes(failed=1)
        result.stdout.no_fnmatch_line("missing-layers:*")

    run(MISSING_LAYER, "-k", "missing", ini="moto_ecr_ext_verify_layers = true").assert_outcomes(
        passed=1
    )


@pytest.mark.once
def test_a_question_for_layers_explains_no_other_failure(run: Run) -> None:
    """Only a test that looks at `failures` gets the section about missing layers, since every push asks for layers."""
    result = run(MISSING_LAYER, "--moto-ecr-ext", "-k", "test_other or test_availability")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "missing-layers-as-failures: * in 1 test, first *::test_availability (BatchCheckLayerAvailability, *)"
        ]
    )
