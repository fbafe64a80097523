"""Seams for modules that are imported later: most tests do not need those of moto, which are slow to import."""

from __future__ import annotations

import gc
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from .replacing import Unplug


class LateSeams:
    """Seams by the module that each changes. It is a seam itself: `plug` plugs in those of imported modules.

    Python asks the finders in `sys.meta_path`, in their order, for a module that is not imported yet.
    """

    def __init__(self, *seams: tuple[str, Callable[[], Unplug]]):
        self._seams = seams

    def plug(self) -> Unplug:
        """Plug in each seam, now or when its module is imported."""
        plugged: list[Unplug] = []

        def plug_seams_of(module: str) -> None:
            plugged.extend(plug() for name, plug in self._seams if name == module)

        modules = {name for name, _ in self._seams}
        finder = _Finder(frozenset(modules - set(sys.modules)), plug_seams_of)
        sys.meta_path.insert(0, finder)
        for module in sorted(modules & set(sys.modules)):
            plug_seams_of(module)

        def unplug() -> None:
            sys.meta_path.remove(finder)
            for each in reversed(plugged):
                each()

        return unplug


@contextmanager
def without_collecting() -> Iterator[None]:
    """Stop the garbage collector in this block, which imports much: it would scan all objects several times."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Finder(MetaPathFinder):
    """A finder that finds some modules by the other finders, and calls a function after each is executed."""

    def __init__(self, modules: frozenset[str], then: Callable[[str], None]):
        self._modules = modules
        self._then = then
        self._finding: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._modules or fullname in self._finding:
            return None
        self._finding.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._finding.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._then)
        return spec


class _Loader(Loader):
    """A loader that loads a module by another loader, and restores that loader in the module."""

    def __init__(self, loader: Loader, then: Callable[[str], None]):
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then(module.__name__)
