"""Settings of the documentation: Sphinx with Furo."""

project = "Squall"
author = "The Squall founders"
project_copyright = "The Squall founders, Apache-2.0"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
html_theme = "furo"
html_title = "Squall"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
