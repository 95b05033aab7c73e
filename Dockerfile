# `rnnzoo serve` and nothing else: exported models over HTTP, without PyTorch.
#
#   docker build -t rnnzoo-serve .
#   docker run -p 8000:8000 -v ./model:/models/model:ro rnnzoo-serve
#
# Packages are named one by one, so that none brings what the server does not load: rnnzoo would bring PyTorch, and
# tokenizers a client of the hub.
FROM python:3.12-slim AS build
COPY . /src
RUN python -m pip wheel --no-cache-dir --no-deps -w /wheels /src
RUN python -m venv /app
RUN /app/bin/pip install --no-cache-dir --no-compile --no-deps -c /src/constraints.txt /wheels/*.whl numpy onnxruntime flatbuffers packaging protobuf tokenizers starlette uvicorn anyio idna h11 click typing_extensions
RUN rm -rf /app/lib/python*/site-packages/rnnzoo/_pretrained && /app/bin/python -m pip uninstall -y -q pip

FROM python:3.12-slim
COPY --from=build /app /app
RUN useradd --system --no-create-home rnnzoo
USER rnnzoo
EXPOSE 8000
HEALTHCHECK CMD ["/app/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health')"]
ENTRYPOINT ["/app/bin/rnnzoo", "serve", "--host", "0.0.0.0"]
CMD ["/models/model"]
