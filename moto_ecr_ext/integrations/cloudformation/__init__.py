"""AWS CloudFormation: ECR's resources in stacks, which create, update, read and delete them."""

SEAMS = (
    ("moto.ecr.models", "seam.plug_repositories"),
    ("moto.cloudformation.models", "seam.plug_other_resources"),
    ("moto.cloudformation.models", "repairs.change_set_results.plug"),
    ("moto.cloudformation.models", "repairs.serverless.plug"),
    ("moto.cloudformation.models", "repairs.missing_parameters.plug"),
    ("moto.cloudformation.models", "repairs.template_urls.plug_stacks"),
    ("moto.cloudformation.responses", "repairs.change_set_names.plug"),
    ("moto.cloudformation.responses", "repairs.template_urls.plug_operations"),
)
