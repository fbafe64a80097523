"""Amazon Inspector: findings of enhanced scans."""

SEAMS = (("moto.inspector2.urls", "seam.plug"),)
