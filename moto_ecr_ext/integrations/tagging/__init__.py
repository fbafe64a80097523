"""The Resource Groups Tagging API: tags of repositories."""

SEAMS = (("moto.resourcegroupstaggingapi.models", "seam.plug"),)
