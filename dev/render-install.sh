#!/usr/bin/env bash
# Renders install.yaml from the chart, for those who install without Helm.
#
#   dev/render-install.sh            writes install.yaml
#   dev/render-install.sh --check    fails when install.yaml isn't what the chart renders
#
# HELM names the Helm to use; by default it is `helm` from PATH. `make` passes the pinned one, so the bytes are the same everywhere.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
helm=${HELM:-helm}

render() {
    cat <<'EOF'
# The operator with everything it needs, for `kubectl apply --server-side -f install.yaml`.
# Generated from charts/propensity-operator by dev/render-install.sh. Don't edit.
# Never `kubectl delete -f` this file: with the CRDs go the receipts, which are the ledger.
#
# The image propensity-operator:dev is a placeholder: build the Dockerfile, push the image to a registry of your own and put its
# name there.
---
apiVersion: v1
kind: Namespace
metadata:
  name: propensity-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
EOF
    # Without the mark of a manager that isn't at work here.
    "$helm" template propensity-operator charts/propensity-operator \
        --namespace propensity-system \
        --set image.repository=propensity-operator \
        --set image.tag=dev |
        grep -v '^ *app.kubernetes.io/managed-by: Helm$'
}

fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
render >"$fresh"

case "${1-}" in
--check)
    if ! diff -u install.yaml "$fresh" >&2; then
        echo "install.yaml isn't what the chart renders: run dev/render-install.sh and look at the difference" >&2
        exit 1
    fi
    ;;
"")
    cat "$fresh" >install.yaml
    ;;
*)
    echo "usage: dev/render-install.sh [--check]" >&2
    exit 2
    ;;
esac
