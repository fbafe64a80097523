"""The commands `moto_ecr_server` and `moto_ecr_proxy`, and the check for damage."""
