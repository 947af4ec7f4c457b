# The app in a container. `make image` builds it in the folder that `make space` writes, which has this
# file, the wheel and the requirements. requirements-lite.txt gives the instant styles on the CPU;
# `make image REQUIREMENTS=requirements.txt` gives everything, custom styles and CUDA included (several GB).
ARG BASE=python:3.11-slim
FROM $BASE

ARG REQUIREMENTS=requirements-lite.txt
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
ENV PATH=/opt/impasto/bin:$PATH

RUN useradd --create-home --uid 1000 painter && python3 -m venv /opt/impasto
COPY requirements*.txt *.whl /tmp/install/
RUN pip install -r "/tmp/install/$REQUIREMENTS" && pip install --no-deps /tmp/install/*.whl && rm -r /tmp/install

USER 1000
WORKDIR /home/painter
EXPOSE 8501
HEALTHCHECK --start-period=20s --interval=30s CMD \
    python3 -c "import urllib.request; urllib.request.urlopen('http://localhost:8501/_stcore/health', timeout=5)"
CMD ["impasto", "app", "--port", "8501", "--address", "0.0.0.0", "--no-browser"]
