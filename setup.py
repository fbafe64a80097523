"""The build: without what an earlier one has left in build/lib, which setuptools would put into the wheel.

The configuration is in setup.cfg.
"""

import shutil
import sys

# Early versions of pip look at `python_requires` only after they have looked for all other packages, for minutes.
if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit("moto_ecr_ext needs Python 3.10 or later; this is {}.{}.{}.".format(*sys.version_info))

from setuptools import setup
from setuptools.command.build import build


class CleanBuild(build):
    """A build into an empty directory."""

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build": CleanBuild})
