# The operator's image: its binary, C library and the certificate authorities for TLS; no shell, no package manager.
#
#   docker build -t registry.example.com/propensity-operator:0.1.0 .

# Both stages are Debian 12, so the binary finds the C library it was linked with.
FROM rust:1.95-bookworm AS build
WORKDIR /build
# Not rust-toolchain.toml: it asks for components that only developing needs. The example is named in Cargo.toml.
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
# A number, so that Kubernetes can see that it isn't root. Nothing is ever written to the file system.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/propensity-operator"]
