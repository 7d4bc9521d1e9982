# docs/hosts/container.md. Another base, for example one of your own: --build-arg BASE=...
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements.txt ./
# Every file must have one of the digests in requirements.txt. pip is left out of the image; the byte code is not, since
# a root that cannot be written could not store it, and every start would take a second longer.
RUN python3 -m venv --without-pip /venv \
    && python3 -m venv /installer \
    && /installer/bin/python -m pip --python /venv/bin/python install --no-cache-dir --require-hashes \
        --requirement requirements.txt \
    && find /venv -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +

FROM ${BASE}
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app \
    DATABASE_URL=sqlite:////data/inbox.db \
    PORT=8000
# A number, which Kubernetes can compare with runAsNonRoot. A volume gets its owner from the folder below.
RUN install -d -o 10001 -g 10001 -m 700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# Read where neither SHOPS nor SHOPS_FILE is set: hosts without files set SHOPS.
RUN ln -s /config/shops.toml shops.toml && python -m compileall -q .
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "webhook_app.processes.healthcheck"]
ENTRYPOINT ["python", "-m", "webhook_app"]
CMD ["run"]
