"""The commands: `moto_ecr_server`, `moto_ecr_proxy`, and looking for damage."""
