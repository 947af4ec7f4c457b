# The app for a host. CPU and instant styles alone, some 900 MB:
#   docker build -t impasto . && docker run -p 8501:8501 impasto
# Everything, custom styles and CUDA included, several GB:
#   docker build -t impasto --build-arg REQUIREMENTS=requirements.txt .
#   docker run --gpus all -p 8501:8501 impasto      (without --gpus it runs on the CPU)
FROM python:3.11-slim

ARG REQUIREMENTS=requirements-lite.txt
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1

RUN useradd --create-home --uid 1000 painter
WORKDIR /app
COPY requirements*.txt ./
RUN pip install --disable-pip-version-check -r "$REQUIREMENTS"
COPY --chown=painter .streamlit .streamlit
COPY --chown=painter streamlit_app.py ./
COPY --chown=painter pages pages
COPY --chown=painter stylecore stylecore
COPY --chown=painter weights weights

USER painter
EXPOSE 8501
HEALTHCHECK --start-period=20s --interval=30s CMD \
    python -c "import urllib.request; urllib.request.urlopen('http://localhost:8501/_stcore/health', timeout=5)"
CMD ["streamlit", "run", "streamlit_app.py", "--server.port=8501", "--server.address=0.0.0.0", "--server.headless=true"]
