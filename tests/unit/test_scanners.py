"""Scanner programs: their input, and the parsing of their reports."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.scanners import run as scanners
from moto_ecr_ext.scanners.report import Report
from moto_ecr_ext.scanners.run import (
    ImageContent,
    ScannerError,
    examine,
    write_layout,
)
from moto_ecr_ext.storage.blobs.blob import BlobReader
from moto_ecr_ext.storage.blobs.memory import MemoryBlobStore
from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
    build_image,
)
from support.scanning import debian_image, scanner
from support.waiting import wait_until

UPLOAD_ID = "00000000-0000-4000-8000-{:012d}"


def stored(image: Image) -> Callable[[str], BlobReader]:
    """A function that opens the blobs of an image in a store."""
    store = MemoryBlobStore()
    for number, blob in enumerate(image.blobs):
        with store.upload(UPLOAD_ID.format(number)) as session:
            session.append(blob.content)
            session.commit(blob.digest)
    return store.open


def content_of(image: Image) -> ImageContent:
    return ImageContent(
        image.digest, image.media_type, image.manifest, [blob.digest for blob in image.blobs]
    )


def report_of(program: Path, image: Image, *options: str) -> Report:
    return examine([str(program), *options], content_of(image), stored(image))


def failure(program: Path | str, *options: str, image: Image | None = None) -> str:
    """The reason why a program gives no report."""
    image = image or build_image(layers=1)
    with pytest.raises(ScannerError) as raised:
        examine([str(program), *options], content_of(image), stored(image))
    return str(raised.value)


@pytest.mark.parametrize("media_types", [OCI, DOCKER], ids=["oci", "docker"])
@pytest.mark.parametrize("name", ["trivy", "grype", "trivy-0.59", "grype_local"])
def test_a_report(tmp_path: Path, name: str, media_types: Any) -> None:
    """A report lists packages and their vulnerabilities, from a layout whose digests the program checks."""
    report = report_of(scanner(tmp_path, name), debian_image(media_types=media_types))
    assert (report.system, report.version, report.architecture) == ("debian", "12.1", "amd64")
    assert [
        (each.name, each.package_name, each.package_version, each.package_type)
        for each in report.vulnerabilities
    ] == [
        ("CVE-2022-49043", "libxml2", "2.9.14+dfsg-1.3~deb12u1", "OS"),
        ("CVE-2023-45853", "zlib1g", "1:1.2.13.dfsg-1", "OS"),
        ("CVE-2019-5188", "e2fsprogs", "1.44.1", "OS"),
        ("CVE-2024-35195", "requests", "2.31.0", "PYTHONPKG"),
    ]
    assert [each.severity for each in report.vulnerabilities[:2]] == ["HIGH", "CRITICAL"]
    assert [each.fixed_version for each in report.vulnerabilities] == [
        None,
        "1:1.3-2",
        None,
        "2.32.0",
    ]
    [score] = report.vulnerabilities[0].scores
    assert (score.version, score.score) == ("3.1", 8.1)
    assert score.vector == "CVSS:3.1/AV:L/AC:H/PR:N/UI:N/S:C/C:H/I:H/A:H"
    assert report.vulnerabilities[2].scores[0].version == "2.0"
    assert {each.description for each in report.vulnerabilities[:1]} == {"A fault of libxml2."}


@pytest.mark.parametrize(("name", "severity"), [("trivy", "UNDEFINED"), ("grype", "INFORMATIONAL")])
def test_severities_below_low(tmp_path: Path, name: str, severity: str) -> None:
    """trivy's UNKNOWN and grype's Negligible are severities below low."""
    report = report_of(scanner(tmp_path, name), debian_image())
    assert report.vulnerabilities[2].severity == severity


def test_exploited_vulnerabilities_of_grype(tmp_path: Path) -> None:
    """Only grype reports that a vulnerability is exploited."""
    report = report_of(scanner(tmp_path, "grype"), debian_image())
    assert [each.is_exploited for each in report.vulnerabilities] == [False, True, False, False]


@pytest.mark.parametrize("name", ["trivy", "grype"])
def test_an_image_without_an_operating_system(tmp_path: Path, name: str) -> None:
    """A report about such an image has no system and no vulnerabilities."""
    report = report_of(scanner(tmp_path, name), build_image(layers=1))
    assert report.system is None
    assert report.vulnerabilities == ()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("trivy", ["--skip-db-update"]),
        ("trivy", ["image", "--skip-db-update"]),
        ("grype", ["--only-fixed"]),
    ],
)
def test_options_of_the_command_line(tmp_path: Path, name: str, options: list[str]) -> None:
    """Options are passed to the program; `image` is not repeated."""
    assert report_of(scanner(tmp_path, name), debian_image(), *options).system == "debian"


def test_a_layout_is_streamed(tmp_path: Path) -> None:
    """No more than a chunk of a layer is in memory; a blob that is named twice is written once."""
    image = debian_image()
    taken: list[str] = []

    def open_blob(digest: str) -> BlobReader:
        taken.append(digest)
        return open_stored(digest)

    open_stored = stored(image)
    content = content_of(image)
    twice = ImageContent(
        content.digest, content.media_type, content.manifest, [*content.blobs, *content.blobs]
    )
    write_layout(twice, open_blob, tmp_path / "image")
    assert taken == list(content.blobs)
    index = json.loads((tmp_path / "image" / "index.json").read_text())
    assert index["manifests"] == [
        {
            "mediaType": image.media_type,
            "digest": image.digest,
            "size": len(image.manifest),
        }
    ]
    algorithm, _, name = image.layers[0].digest.partition(":")
    written = tmp_path / "image" / "blobs" / algorithm / name
    assert written.read_bytes() == image.layers[0].content


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports and failures leave no temporary files."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    report_of(scanner(tmp_path, "trivy"), debian_image())
    failure(scanner(tmp_path, "trivy", "raise SystemExit(2)"))
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("raise SystemExit(3)", " ended with status 3", id="status"),
        pytest.param(
            "import sys\nsys.exit('no database\\nFATAL: no luck\\n')",
            " ended with status 1: FATAL: no luck",
            id="message",
        ),
        pytest.param(
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            " ended with status -9",
            id="killed",
        ),
        pytest.param("print('Total: 0')", " printed no JSON report of trivy", id="text"),
        pytest.param("", " printed no JSON report of trivy", id="nothing"),
        pytest.param("print('[]')", " printed no JSON report of trivy", id="another document"),
        pytest.param("print('[' * 100000)", " printed no JSON report of trivy", id="deep"),
        pytest.param("print('{}')", " printed no JSON report of trivy", id="empty"),
        pytest.param(
            """print('{"SchemaVersion": 1, "Results": []}')""",
            " printed no JSON report of trivy",
            id="version",
        ),
        pytest.param(
            """print('{"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{}]}]}')""",
            " printed no JSON report of trivy",
            id="members",
        ),
        pytest.param(
            "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe{')",
            " printed no JSON report of trivy",
            id="bytes",
        ),
    ],
)
def test_programs_that_fail(tmp_path: Path, text: str, reason: str) -> None:
    """The reason is one line; the program's own message is the last line of its log."""
    program = scanner(tmp_path, "trivy", text)
    assert failure(program) == f"{program}{reason}"


def test_a_report_of_the_other_program(tmp_path: Path) -> None:
    """A report of the other program is refused, and not read as one without findings."""
    program = scanner(tmp_path, "grype", """print('{"SchemaVersion": 2, "Results": []}')""")
    assert failure(program) == f"{program} printed no JSON report of grype"


def test_programs_that_cannot_be_run(tmp_path: Path) -> None:
    """A program that is missing, or not executable, is reported."""
    missing = tmp_path / "trivy"
    assert failure(missing) == f"{missing} cannot be run: No such file or directory"
    missing.write_text("")
    assert failure(missing) == f"{missing} cannot be run: Permission denied"


def test_a_program_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not end is killed with its children."""
    # Seconds in which the program has started, also on a busy machine.
    monkeypatch.setattr(scanners, "TIMEOUT", 3)
    pids = tmp_path / "pids"
    program = scanner(
        tmp_path,
        "trivy",
        f"""
        import os, signal
        child = os.fork()
        with open({str(pids)!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        signal.pause()
        """,
    )
    assert failure(program) == f"{program} did not end within 3 seconds"
    for pid in pids.read_text().split():
        wait_until(partial(has_ended, pid))


def has_ended(pid: str) -> bool:
    """Whether a process has ended, which a signal does not do at once; its parent may not have noticed it yet."""
    try:
        state = Path("/proc", pid, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state.rpartition(")")[2].split()[0] == "Z"


def test_a_blob_that_is_missing(tmp_path: Path) -> None:
    """A missing blob is reported without running the program."""
    image = debian_image()

    def open_blob(digest: str) -> BlobReader:
        raise ScannerError(f"{digest} is not in the repository")

    program = scanner(tmp_path, "trivy", "raise SystemExit(3)")
    with pytest.raises(ScannerError, match=f"^{image.blobs[0].digest} is not in the repository$"):
        examine([str(program)], content_of(image), open_blob)


def test_a_full_disk(tmp_path: Path) -> None:
    """A full disk is reported as an error of the scan."""

    def open_blob(digest: str) -> BlobReader:
        raise OSError(28, "No space left on device")

    with pytest.raises(
        ScannerError, match=r"^The image cannot be written: No space left on device$"
    ):
        examine(["trivy"], content_of(build_image(layers=1)), open_blob)


def test_no_shell_reads_the_command_line(tmp_path: Path) -> None:
    """The program's path and its options are never read by a shell."""
    place = tmp_path / "a; b $(c)"
    arguments = tmp_path / "arguments"
    text = f"import sys, pathlib\npathlib.Path({str(arguments)!r}).write_text(repr(sys.argv[1:]))"
    program = scanner(place, "trivy", text)
    failure(*shlex.split(f"{shlex.quote(str(program))} --db '$HOME; x'"))
    given = eval(arguments.read_text())
    assert given[-2:] == ["--db", "$HOME; x"]
    assert given[0] == "image"


@pytest.mark.parametrize(
    ("kind", "package_type"),
    [
        ("gobinary", "GOBINARY"),
        ("node-pkg", "NODEPKG"),
        ("python-pkg", "PYTHONPKG"),
        ("dotnet-core", "DOTNET_CORE"),
    ],
)
def test_package_managers_of_trivy(tmp_path: Path, kind: str, package_type: str) -> None:
    """trivy's package managers have the names of Amazon Inspector."""
    found = {
        "VulnerabilityID": "CVE-1",
        "PkgName": "a",
        "InstalledVersion": "1",
        "CVSS": {"ghsa": {"V40Score": 9.1, "V40Vector": "CVSS:4.0/AV:N"}, "nvd": {"V3Score": 5}},
    }
    results = [
        {"Class": "lang-pkgs", "Type": kind, "Vulnerabilities": [found]},
        {"Class": "secret"},
    ]
    document = {"SchemaVersion": 2, "Results": results}
    program = scanner(tmp_path, "trivy", f"import json\nprint(json.dumps({document!r}))")
    [vulnerability] = report_of(program, build_image(layers=1)).vulnerabilities
    assert vulnerability.package_type == package_type
    assert vulnerability.severity == "UNDEFINED"
    [score] = vulnerability.scores
    assert (score.version, score.score, score.source) == ("4.0", 9.1, "ghsa")
