"""The build: without what an earlier one has left in build/lib, which setuptools would put into the wheel.

The configuration is in setup.cfg.
"""

import shutil

from setuptools import setup
from setuptools.command.build import build


class CleanBuild(build):
    """A build into an empty directory."""

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build": CleanBuild})
