# Squaredeal with what its servers need. Versions and hashes come from requirements.lock; no secret is in an image.
FROM python:3.11-slim AS build
WORKDIR /build
ENV UV_PYTHON_DOWNLOADS=never
COPY requirements.lock ./
# the installer by its hash
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > installer.lock \
 && pip install --no-cache-dir --require-hashes --no-deps -r installer.lock
RUN uv venv --quiet /build/tools && uv pip install --quiet --python /build/tools --constraints requirements.lock hatchling
COPY pyproject.toml README.md LICENSE squaredeal.py ./
COPY audits audits
COPY checks checks
COPY dags dags
COPY reports reports
RUN /build/tools/bin/hatchling build --target wheel --directory /build/dist
# what the lock names and the servers need: each file is held against its hash
RUN uv venv --quiet /opt/squaredeal/venv \
 && uv pip install --quiet --no-cache --compile-bytecode --python /opt/squaredeal/venv --constraints requirements.lock \
    "squaredeal[serve] @ file://$(ls /build/dist/*.whl)" \
 && ln -s "$(/opt/squaredeal/venv/bin/python -I -c 'import dags.serving.services as s, pathlib; print(pathlib.Path(s.__file__).parents[1])')" /opt/squaredeal/dags

FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home --shell /usr/sbin/nologin squaredeal \
 && install --directory --owner squaredeal --group squaredeal --mode 0750 /var/lib/squaredeal/airflow \
    /var/lib/squaredeal/artifacts /var/lib/squaredeal/runs /var/lib/squaredeal/site /var/lib/squaredeal/users
COPY --from=build /opt/squaredeal /opt/squaredeal
ENV PATH=/opt/squaredeal/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/squaredeal
CMD ["squaredeal", "--help"]
