"""The servers of moto with this ECR: `moto_ecr_server` and `moto_ecr_proxy`, for people who operate one.

`commands/`
  The programs: flags, checks before the start, TLS, the progress of long work, the end.
`moto_server`, `moto_proxy`
  The seams in moto's own server and proxy. They call what follows.
`connections`, `heads`, `browsers`, `accounts`, `missing_packages`
  A request on its way: its connection, its head, the page that sends it, the account that calls, a service of moto that
  cannot be imported.
`log`, `request_log`, `access_log`
  The log: its handler and formats, the line of a request, and the seam that has a line written for each request.
`metrics`, `tally`, `statistics`
  Health and metrics: their paths, the counts of requests, and figures of the registries.
`journal`
  The path of the journal of calls.
`workers/`
  Processes that serve the registry on the server's port.
`backup`
  The copy that `--backup` makes.
"""

SEAMS = (
    ("moto.moto_api._internal.urls", "metrics.plug"),
    ("moto.moto_api._internal.urls", "journal.plug"),
    ("moto.moto_server.werkzeug_app", "moto_server.plug"),
)
