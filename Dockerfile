# beliefnet on CPU:  docker build -t beliefnet . && docker run --rm -v "$PWD:/data" beliefnet train --data mine.npy
FROM python:3.12-slim
COPY . /source
RUN PIP_CONSTRAINT=/source/constraints.txt pip install --no-cache-dir /source'[parquet,h5ad,onnx]' && rm -r /source
RUN useradd --create-home user
USER user
WORKDIR /data
ENTRYPOINT ["beliefnet"]
