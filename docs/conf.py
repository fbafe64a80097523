"""Sphinx's configuration: `tox -e docs` builds the site from this folder."""

from __future__ import annotations

import sys
from pathlib import Path

from moto_ecr_ext import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "moto_ecr_ext"
author = "the developers of moto_ecr_ext"
copyright = "the developers of moto_ecr_ext"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "reference_pages",
]
exclude_patterns = ["_build"]
root_doc = "index"
default_role = "literal"
nitpicky = False
html_theme = "furo"
html_title = "moto_ecr_ext"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "sidebar_hide_name": False,
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#6db3f2", "color-brand-content": "#6db3f2"},
}
# Nothing is loaded from another host, and no page names the build machine or its time.
html_show_sphinx = False
html_copy_source = False
html_last_updated_fmt = None
copybutton_exclude = ".linenos, .gp"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
