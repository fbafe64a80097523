"""fork while other threads use ECR, as `multiprocessing` does on Linux by default up to Python 3.13.

https://docs.python.org/3/library/os.html#os.register_at_fork
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from moto_ecr_ext.storage.forks import fork_safe_lock, fork_safe_rlock

pytestmark = pytest.mark.slow

# Threads push, list and read; children do the same, and say what they see of what was there before they were made.
SCRIPT = dedent("""
    import os, sys, threading, time, traceback, warnings

    import boto3
    from moto import mock_aws

    import moto_ecr_ext
    from moto_ecr_ext import testing

    warnings.simplefilter("ignore", DeprecationWarning)  # Of fork itself, with threads.
    PLACE = sys.argv[1]
    moto_ecr_ext.install(**({} if PLACE == "memory" else {"data_dir": PLACE}))


    def client():
        return boto3.Session().client(
            "ecr", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )


    def work(ecr, name):
        image = testing.build_image(seed=name)
        testing.push(ecr, "app", image, tag=name)
        tags = [each["imageTag"] for each in ecr.list_images(repositoryName="app")["imageIds"]]
        assert "first" in tags and name in tags, tags
        ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "first"}])


    def go_on(number):
        ecr, count = client(), 0
        while not ended.is_set():
            count += 1
            work(ecr, f"thread-{number}-{count % 5}")
            is_busy.set()


    def in_child(number):
        work(client(), f"child-{number}")
        # Uploads, blobs and scans have locks of their own.
        ecr = client()
        upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
        ecr.upload_layer_part(
            repositoryName="app", uploadId=upload, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc"
        )
        ecr.start_image_scan(repositoryName="app", imageId={"imageTag": f"child-{number}"})


    with mock_aws():
        ended, is_busy = threading.Event(), threading.Event()
        ecr = client()
        ecr.create_repository(repositoryName="app")
        testing.push(ecr, "app", testing.build_image(seed="first"), tag="first")
        threads = [threading.Thread(target=go_on, args=(number,)) for number in range(4)]
        for each in threads:
            each.start()
        is_busy.wait()
        codes = []
        for number in range(5):
            child = os.fork()
            if not child:
                code = 1
                try:
                    in_child(number)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            until = time.monotonic() + 30
            while (found := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < until:
                time.sleep(0.01)
            if found == (0, 0):
                os.kill(child, 9)
                os.waitpid(child, 0)
            codes.append(found[1] if found != (0, 0) else "hangs")
        ended.set()
        for each in threads:
            each.join()
        # The parent goes on, too.
        work(ecr, "last")
    print(codes)
""")


@pytest.mark.parametrize("place", ["memory", "directory"])
def test_children(tmp_path: Path, place: str) -> None:
    """Each child works, on a copy of the data or on the same directory, and so does the parent."""
    where = "memory" if place == "memory" else str(tmp_path / "registry")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, where], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{[0] * 5}\n", done.stderr


@pytest.mark.parametrize("make", [fork_safe_lock, fork_safe_rlock])
def test_locks(make: object) -> None:
    """A child can take a lock that another thread of its parent has."""
    script = dedent(f"""
        import os, threading, warnings
        from moto_ecr_ext.storage.forks import {make.__name__} as make

        warnings.simplefilter("ignore", DeprecationWarning)
        lock, taken, ended = make(), threading.Event(), threading.Event()

        def hold():
            with lock:
                taken.set()
                ended.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        taken.wait()
        child = os.fork()
        if not child:
            os._exit(0 if lock.acquire(blocking=False) else 1)
        print(os.waitpid(child, 0)[1], lock.acquire(blocking=False))
        ended.set()
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "0 False\n", done.stderr
