"""moto's map from ECR's hosts and paths to response classes.

moto looks for this module next to the backend's.
"""

from __future__ import annotations

from moto_ecr_ext.distribution.carriers.in_process import registry_dispatch

from .hosts import API_URL_PATTERN, REGISTRY_URL_PATTERN, VPC_ENDPOINT_URL_PATTERN
from .responses import ECRResponse

url_bases = [
    r"https?://api\.ecr(?:-fips)?\.(.+)\.amazonaws\.com",
    API_URL_PATTERN,
    REGISTRY_URL_PATTERN,
    VPC_ENDPOINT_URL_PATTERN,
]

url_paths = {
    "{0}/$": ECRResponse.dispatch,
    "{0}/v2(/.*)?$": registry_dispatch,
}
