# The operator's image: the binary, the C library and the certificate authorities for TLS; no shell, no package manager.
#
#   docker build -t registry.example.com/propensity-operator:0.1.0 .

# Both stages use Debian 12, so that the binary runs with the C library that it was linked with.
FROM rust:1.95-bookworm AS build
WORKDIR /build
# Without rust-toolchain.toml: it requests components that are only needed for development. Cargo.toml refers to
# dev/generate.rs, so cargo needs that file.
COPY Cargo.toml Cargo.lock ./
COPY dev/generate.rs dev/
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release --bin propensity-operator \
    && cp target/release/propensity-operator /propensity-operator

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="propensity-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /LICENSE
COPY --from=build /propensity-operator /propensity-operator
# A numeric user, so that Kubernetes can verify that it isn't root. The operator writes nothing to the file system.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/propensity-operator"]
