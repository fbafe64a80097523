# moto_ecr_server in a container; docs/how-to/container-image.rst says how to use it.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# pip reads these, for a mirror of PyPI or a proxy with a separate certificate authority.
ARG PIP_INDEX_URL
ARG PIP_CERT
ARG EXTRAS=server,postgresql
WORKDIR /sources
COPY setup.py setup.cfg pyproject.toml README.rst CHANGES.rst LICENSE ./
COPY moto_ecr_ext moto_ecr_ext
# The versions that the tests passed with.
COPY requirements/newest.txt requirements/
RUN python3 -m venv /opt/moto-ecr && /opt/moto-ecr/bin/pip install --no-cache-dir --constraint requirements/newest.txt ".[${EXTRAS}]"

FROM ${BASE}
COPY --from=build /opt/moto-ecr /opt/moto-ecr
# By number, since a base need not have the program that makes users.
RUN mkdir /data && chown 10001:10001 /data
ENV PATH=/opt/moto-ecr/bin:$PATH \
    HOME=/data \
    MOTO_ECR_DATA_DIR=/data \
    MOTO_PORT=5000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /data
EXPOSE 5000
# It asks no proxy, which docker may name in each container's environment.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s \
    CMD ["python", "-c", "import os, urllib.request as web; web.build_opener(web.ProxyHandler({})).open(f\"http://127.0.0.1:{os.environ['MOTO_PORT']}/moto-api/ecr/health\", timeout=4)"]
# The one process of the container: it gets the signals.
ENTRYPOINT ["moto_ecr_server", "--host", "0.0.0.0"]
