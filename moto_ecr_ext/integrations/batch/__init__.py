"""AWS Batch: jobs run pushed images."""

SEAMS = (
    ("moto.batch.models", "seam.plug"),
    ("moto.batch.models", "repairs.retry_strategies.plug"),
)
