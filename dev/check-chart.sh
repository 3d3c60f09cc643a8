#!/usr/bin/env bash
# Checks the chart and install.yaml: lint, values, rights, alerts, dashboard, and what a real API server says to what they render.
#
#   HELM=… PROMTOOL=… KUBECTL=… KUBECONFIG=… dev/check-chart.sh
#   HELM=… dev/check-chart.sh --update      renews the snapshot of the rights; look at the difference before committing it
#
# Without PROMTOOL it is the promtool beside HELM. KUBECONFIG is for a control plane that can be thrown away, such as
# `go -C dev run ./cluster up` makes. The namespace chart-check and a service account in it are really made there; all else is a
# dry run.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
helm=${HELM:-helm}
kubectl=${KUBECTL:-kubectl}
beside_helm=$(dirname "$helm")/promtool
if [ ! -x "$beside_helm" ]; then beside_helm=promtool; fi
promtool=${PROMTOOL:-$beside_helm}
chart=charts/propensity-operator
snapshot=$chart/tests/rbac.snapshot.yaml
namespace="chart-check"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { echo "ok    $*"; }

# fail <what> <what to do> [file with details]
fail() {
    {
        echo "FAIL  $1"
        if [ -n "${3-}" ]; then sed 's/^/      /' "$3"; fi
        echo "      $2"
    } >&2
    exit 1
}

# must <what> <what to do> <command…>
must() {
    local what=$1 help=$2
    shift 2
    "$@" >"$work/out" 2>&1 || fail "$what" "$help" "$work/out"
    ok "$what"
}

# The chart as a release in the namespace of these checks, with an image that need not exist.
render() {
    "$helm" template propensity-operator "$chart" --namespace "$namespace" \
        --set image.repository=propensity-operator --set image.tag=dev "$@"
}

# Its documents of some kinds. The pattern is anchored.
of_kind() {
    awk -v kinds="^kind: ($1)\$" '
        function flush() { if (wanted) printf "---\n%s", doc; doc = ""; wanted = 0 }
        /^---$/ { flush(); next }
        $0 ~ kinds { wanted = 1 }
        { doc = doc $0 "\n" }
        END { flush() }'
}

# Everything about rights, without comments and labels.
rights() {
    render "$@" | of_kind 'Role|ClusterRole|RoleBinding|ClusterRoleBinding' | grep -vE '^ *#|^ *labels:|^ *app\.kubernetes\.io/|^$'
}

snapshot() {
    echo '# What the chart lets the operator and people do, as rendered. Renewed by dev/check-chart.sh --update.'
    echo '# ---- all namespaces'
    rights
    echo '# ---- watchNamespaces: [one, two], secretNames: [propensity, other]'
    rights --set 'watchNamespaces={one,two}' --set 'secretNames={propensity,other}'
}

static_checks() {
    local name
    "$helm" version >"$work/out" 2>&1 || fail "no Helm at '$helm'" 'set HELM to the one in the folder that this prints: go -C dev run ./cluster bin' "$work/out"
    must 'helm lint --strict' 'correct the chart' \
        "$helm" lint --strict "$chart" --set image.repository=propensity-operator

    # Values that must render.
    local -A good=(
        [defaults]='suspend=false'
        [namespaces]='watchNamespaces={one,two}'
        [suspend]='suspend=true'
        ['a digest']="image.digest=sha256:$(printf '0%.0s' {1..64})"
        ['three replicas']='replicas=3'
        ['a proxy that inspects TLS']='api.proxy=http://proxy.example.com:3128,api.ca.configMap=corporate-ca'
        ['an existing service account']='serviceAccount.create=false,serviceAccount.name=theirs'
        ['without roles, CRDs and Service']='rbac.create=false,rbac.userRoles=false,crds.install=false,service.create=false'
        ['as part of another chart']='global.anything=1'
        ['IPv6 only']='listenAddress=[::]'
        ['a dashboard']='dashboard.enabled=true,dashboard.namespace=grafana,dashboard.annotations.grafana_folder=Marketing'
        ['alerts']='prometheusRule.enabled=true,prometheusRule.namespace=monitoring,prometheusRule.labels.release=kube-prometheus-stack'
        ['scraping']='serviceMonitor.enabled=true,serviceMonitor.interval=1m30s,serviceMonitor.labels.release=kube-prometheus-stack'
    )
    for name in "${!good[@]}"; do
        must "renders: $name" "helm template $chart --set '${good[$name]}' should work" render --set "${good[$name]}"
    done

    # Values that must be refused, each with a word that the error has to say.
    local -a bad=(
        'imagee.repository=x|imagee'
        'image.repositry=x|repositry'
        'image.repository=|no image|image.repository is empty'
        'image.repository=registry.example.com/x:1|repository'
        'image.tag=a b|tag'
        'image.digest=sha256:12|digest'
        'replicas=two|replicas'
        'replicas=-1|replicas'
        'watchNamespaces={Not_A_Namespace}|watchNamespaces'
        'secretNames=|secretNames'
        'secretNames={a/b}|secretNames'
        'api.url=http://api.propensity.com/|url'
        'api.allowedHosts={https://x}|allowedHosts'
        'log.format=yaml|format'
        'suspend=maybe|suspend'
        'serviceAccount.create=false|serviceAccount'
        'listenAddress=127.0.0.1|listenAddress'
        'dashboard.enabled=perhaps|enabled'
        'dashboard.namespace=Not_A_Namespace|namespace'
        'dashboard.lables.x=y|lables'
        'prometheusRule.enabled=2|enabled'
        'prometheusRule.labels=x|labels'
        'serviceMonitor.interval=often|interval'
        'serviceMonitor.path=/other|path'
        'serviceMonitor.enabled=true,service.create=false|service.create'
    )
    local entry values word
    for entry in "${bad[@]}"; do
        values=${entry%%|*}
        word=${entry##*|}
        if render --set "$values" >"$work/out" 2>&1; then
            fail "values with '$values' were accepted" "refuse them in $chart/values.schema.json"
        fi
        grep -qF -- "$word" "$work/out" ||
            fail "the error for '$values' doesn't say '$word'" "look at $chart/values.schema.json" "$work/out"
        ok "refuses: $values"
    done

    snapshot >"$work/rbac.yaml"
    if ! diff -u "$snapshot" "$work/rbac.yaml" >"$work/out" 2>&1; then
        fail "the rendered rights differ from $snapshot" \
            'if that is wanted, run dev/check-chart.sh --update and commit the result; if not, correct the chart' "$work/out"
    fi
    ok 'rights are as in the snapshot'

    render >"$work/all.yaml"
    # The API server warns of formats that it doesn't know, but only when a CRD is new to it.
    if grep -nE '^ *format: (u?int(8|16)|uint(32|64)?)$' crds/*.yaml >"$work/out"; then
        fail 'the CRDs name formats that an API server warns of at every installation' \
            'drop them where the schemas are made (src/api) and run make generate' "$work/out"
    fi
    ok 'the CRDs name no unknown format'

    local crds
    crds=$(find crds -name '*.yaml' | wc -l)
    for name in 'helm.sh/resource-policy: keep' 'kustomize.toolkit.fluxcd.io/prune: disabled' \
        'argocd.argoproj.io/sync-options: Prune=false,Delete=false'; do
        if [ "$(of_kind CustomResourceDefinition <"$work/all.yaml" | grep -cxF "    $name")" != "$crds" ]; then
            fail "not each of the $crds CRDs is marked '$name'" 'correct dev/generate.rs and run make generate: without it the ledger can be lost'
        fi
    done
    ok "$crds CRDs carry the marks that keep them"
    if render --set crds.install=false | grep -q '^kind: CustomResourceDefinition$'; then
        fail 'crds.install=false renders CRDs' 'correct dev/generate.rs and run make generate'
    fi
    ok 'crds.install=false renders none'

    must 'install.yaml is what the chart renders' 'run dev/render-install.sh and commit install.yaml' \
        env HELM="$helm" dev/render-install.sh --check
}

# The alerts and the dashboard. The API server of these checks doesn't know the Prometheus operator's kinds, so what is rendered is
# compared with the files, and those are checked with Prometheus's own tool.
monitoring_checks() {
    local rules=$chart/rules/propensity.yaml tests=$chart/tests/rules.test.yaml dashboard=$chart/dashboards/propensity.json
    "$promtool" --version >"$work/out" 2>&1 ||
        fail "no promtool at '$promtool'" 'set PROMTOOL to the one in the folder that this prints: go -C dev run ./cluster bin' "$work/out"
    must 'the alerts are rules' "correct $rules" "$promtool" check rules --lint=all --lint-fatal "$rules"
    must 'the alerts fire when they should and say what they should' "correct $rules or $tests" "$promtool" test rules "$tests"

    local alert
    for alert in $(sed -n 's/^ *- alert: //p' "$rules"); do
        grep -A1 -x " *alertname: $alert" "$tests" >"$work/cases" || true
        grep -qx ' *exp_alerts:' "$work/cases" || fail "no test sees $alert fire" "add one to $tests"
        grep -qx ' *exp_alerts: \[\]' "$work/cases" || fail "no test sees $alert silent" "add one to $tests"
        grep -q "^| \`$alert\` |" docs/operations.md || fail "docs/operations.md doesn't say what $alert is" 'add it to the table of alerts there'
    done
    ok 'every alert is tested, firing and silent, and described'

    must 'the queries of the dashboard are told apart' "correct $dashboard" go -C dev run ./promcheck --dashboard "$PWD/$dashboard" --rules
    cp "$work/out" "$work/queries.yaml"
    must 'the queries of the dashboard are PromQL' "correct $dashboard" "$promtool" check rules "$work/queries.yaml"

    local kinds='ServiceMonitor|PrometheusRule|ConfigMap'
    if of_kind "$kinds" <"$work/all.yaml" | grep -q .; then
        fail "the chart renders one of $kinds by default" "put it behind its value: those kinds don't exist in every cluster"
    fi
    render --set serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true >"$work/monitoring.yaml"
    of_kind PrometheusRule <"$work/monitoring.yaml" | sed -n '/^spec:$/,$ { /^spec:$/d; s/^  //; p; }' | sed '${ /^$/d; }' >"$work/groups.yaml"
    must 'the PrometheusRule has the alerts as they stand in the file' 'correct templates/prometheusrule.yaml' diff -u "$rules" "$work/groups.yaml"
    of_kind ConfigMap <"$work/monitoring.yaml" | sed -n '/^  propensity.json: |$/,$ { /^  propensity.json: |$/d; s/^    //; p; }' | sed '${ /^$/d; }' >"$work/dashboard.json"
    must 'the ConfigMap has the dashboard as it stands in the file' 'correct templates/dashboard.yaml' diff -u "$dashboard" "$work/dashboard.json"
    of_kind Service <"$work/monitoring.yaml" >"$work/service.yaml"
    of_kind ServiceMonitor <"$work/monitoring.yaml" >"$work/monitor.yaml"
    local port
    port=$(sed -n 's/^ *- port: //p' "$work/monitor.yaml")
    grep -qx "    - name: $port" "$work/service.yaml" ||
        fail "the ServiceMonitor scrapes the port '$port', which the Service doesn't have" 'correct templates/servicemonitor.yaml'
    grep -qx '      honorLabels: true' "$work/monitor.yaml" ||
        fail "the ServiceMonitor doesn't honour labels" 'without that the namespace of a metric is lost: correct templates/servicemonitor.yaml'
    ok 'the ServiceMonitor scrapes the port of the Service and keeps its labels'
}

# The pod template of the Deployment as a Pod on its own.
pod() {
    "$kubectl" create --dry-run=client --namespace "$namespace" -o 'jsonpath={.spec.template}' -f "$1" |
        sed 's/^{/{"apiVersion":"v1","kind":"Pod",/; s/"metadata":{/"metadata":{"generateName":"chart-check-",/'
}

# applies <what> <file>: the API server takes all of it and has nothing to warn of.
applies() {
    "$kubectl" apply --server-side --dry-run=server --force-conflicts --field-manager=chart-check -f "$2" >"$work/out" 2>&1 ||
        fail "$1, server-side dry run" 'correct what the error names' "$work/out"
    if grep '^Warning' "$work/out" >"$work/warnings"; then
        fail "$1, server-side dry run: the API server warns" 'correct what it names, since everyone who installs it sees this' "$work/warnings"
    fi
    ok "$1, server-side dry run"
}

server_checks() {
    # Not whatever cluster happens to be the current one.
    [ -n "${KUBECONFIG-}" ] || fail 'KUBECONFIG is not set' 'set it to the kubeconfig that this prints: go -C dev run ./cluster up'
    "$kubectl" version >"$work/out" 2>&1 ||
        fail 'no API server answers' 'set KUBECONFIG to a running control plane, as printed by: go -C dev run ./cluster up' "$work/out"
    of_kind Deployment <"$work/all.yaml" >"$work/deployment.yaml"

    local grace
    grace=$("$kubectl" create --dry-run=client --namespace "$namespace" -f "$work/deployment.yaml" \
        -o 'jsonpath={.spec.template.spec.terminationGracePeriodSeconds}')
    [ "$grace" = 200 ] ||
        fail "terminationGracePeriodSeconds is '$grace', not 200" \
            'the longest request (120 s) and 60 s to record its outcome must fit: set it back in templates/deployment.yaml'
    ok 'terminationGracePeriodSeconds is 200'

    # install.yaml, moved to the namespace of these checks. Its Namespace is made for real: it carries the label that the next
    # checks rest on. The CRDs are a dry run too, so that a second run starts as the first did.
    sed "s/propensity-system/$namespace/" install.yaml >"$work/install.yaml"
    of_kind Namespace <"$work/install.yaml" >"$work/namespace.yaml"
    must 'the Namespace of install.yaml' 'correct dev/render-install.sh' \
        "$kubectl" apply --server-side -f "$work/namespace.yaml"
    applies 'install.yaml' "$work/install.yaml"
    applies 'the chart' "$work/all.yaml"
    render --set "watchNamespaces={$namespace}" --set replicas=3 --set api.ca.configMap=corporate-ca --set api.proxy=http://proxy.example.com:3128 --set suspend=true \
        --set dashboard.enabled=true >"$work/other.yaml"
    applies 'the chart with other values' "$work/other.yaml"

    # A pod needs its service account; nothing makes one here but this.
    of_kind ServiceAccount <"$work/all.yaml" | "$kubectl" apply --server-side -f - >"$work/out" 2>&1 ||
        fail "the chart's service account can't be made" 'correct templates/serviceaccount.yaml' "$work/out"

    # That the gate is shut for a pod that isn't hardened.
    sed -e '/allowPrivilegeEscalation/d' "$work/deployment.yaml" >"$work/soft.yaml"
    pod "$work/soft.yaml" >"$work/soft.json"
    if "$kubectl" create --dry-run=server --namespace "$namespace" -f "$work/soft.json" >"$work/out" 2>&1; then
        fail "namespace $namespace accepts a pod that may escalate its privileges" \
            'the label pod-security.kubernetes.io/enforce: restricted is missing on it: look at dev/render-install.sh'
    fi
    grep -q 'violates PodSecurity "restricted' "$work/out" ||
        fail 'a pod that may escalate its privileges was refused for another reason' 'make the pod in this check valid otherwise' "$work/out"
    ok 'the namespace enforces the restricted Pod Security Standard'

    local file
    for file in "$work/all.yaml" "$work/other.yaml"; do
        of_kind Deployment <"$file" >"$work/deployment.yaml"
        pod "$work/deployment.yaml" >"$work/pod.json"
        must "the pod of $(basename "$file") meets the restricted Pod Security Standard" 'correct templates/deployment.yaml' \
            "$kubectl" create --dry-run=server --namespace "$namespace" -f "$work/pod.json"
    done
}

case "${1-}" in
--update)
    mkdir -p "$(dirname "$snapshot")"
    snapshot >"$work/rbac.yaml"
    cp "$work/rbac.yaml" "$snapshot"
    echo "wrote $snapshot"
    exit 0
    ;;
"") ;;
*)
    echo 'usage: dev/check-chart.sh [--update]' >&2
    exit 2
    ;;
esac

static_checks
monitoring_checks
server_checks
