"""moto's own tests for ECR, and those for change sets in CloudFormation, run with the extension installed.

`python -m moto_suite DIRECTORY` takes them from the source distribution of the installed moto. All of them pass,
except for those listed in `differs.txt`, which fail. With `--lenient` these pass too, each with the leniencies that
it is listed with; with `--moto` all pass, with all leniencies.
"""
