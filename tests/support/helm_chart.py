"""Work of test_helm.py in a separate process, which loads Helm's library:

helm_chart.py package CHART DIRECTORY
helm_chart.py push ADDRESS PASSWORD PACKAGE PATH
helm_chart.py pull ADDRESS PASSWORD NAME VERSION DIRECTORY
helm_chart.py tags ADDRESS PASSWORD NAME
"""

from __future__ import annotations

import sys
from pathlib import Path

import helm_python


def main(command: str, *arguments: str) -> None:
    if command == "package":
        chart, directory = arguments
        print(helm_python.package(chart, destination=directory))
        return
    address, password, *arguments_of_command = arguments
    credentials = Path.home() / "registry.json"
    with helm_python.RegistryClient(plain_http=True, credentials_file=credentials) as client:
        client.login(address, "AWS", password, plain_http=True)
        if command == "push":
            package, path = arguments_of_command
            client.push(package, f"oci://{address}/{path}", plain_http=True)
        elif command == "pull":
            name, version, directory = arguments_of_command
            chart = f"oci://{address}/{name}"
            client.pull(chart, version=version, destination=directory, plain_http=True)
        else:
            (name,) = arguments_of_command
            print(*client.tags(f"{address}/{name}"), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
