# The steps of README.md in a container:
#   docker build -t gridlock . && docker run --rm gridlock run examples/01-two-servers/scenario.textproto
FROM debian:12
COPY . /gridlock
WORKDIR /gridlock
RUN ./tools/demo.sh && cmake --install build/release --prefix /usr/local
ENTRYPOINT ["gridlock"]
CMD ["--help"]
