"""AWS Config: repositories as resources of Config."""

SEAMS = (("moto.config.models", "seam.plug"),)
