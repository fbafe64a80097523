"""AWS Lambda: functions of images find their images in this ECR, and run.

When a function is created or updated:

1. `functions` replaces moto's reading of its code. `names` reads its name or ARN.
2. `source_images` finds the image in this ECR, or refuses it.

When it is invoked:

1. `invoking` receives the call, from the operation Invoke or from another service of moto; `rules` passes it the events
   of EventBridge.
2. `runtime/pool` takes an idle container of the function's version (`runtime/function`), or starts one.
3. `runtime/sandbox` is the container: it loads the image into docker's daemon (`integrations/docker/`) and starts it
   with the variables of `runtime/environment`.
4. `runtime/runtime_api` gives the event (`runtime/events`) to the program in the container, over
   `runtime/http_server`, and takes its outcome.
5. `runtime/log_stream` writes the output of the container to CloudWatch Logs.

If nobody waits for the outcome, `runtime/asynchronous` does steps 2 to 5 on a thread, with retries, and `destinations`
delivers the record.

`removal` removes the containers when moto resets. `repairs/` mends moto's functions in stacks.
"""

SEAMS = (
    ("moto.core.base_backend", "removal.plug"),
    ("moto.awslambda.models", "functions.plug"),
    ("moto.awslambda.models", "invoking.plug"),
    ("moto.awslambda.models", "repairs.image_functions.plug"),
    ("moto.awslambda.models", "repairs.missing_code.plug"),
    ("moto.events.models", "rules.plug"),
)
