"""The page: the state of the registries in a browser, and a few actions.

Jinja makes the HTML on the server. There is one style sheet and one script, and nothing is loaded from other hosts.
Without the script, only the copy buttons and the live requests are missing.
"""

SEAMS = (("moto.moto_api._internal.urls", "seam.plug"),)
