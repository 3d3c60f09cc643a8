#!/usr/bin/env bash
# Shows the operator at work: a real control plane and a simulator of the Propensity API on this machine, install.yaml applied, the
# operator with the token of its ServiceAccount, and examples/ applied.
#
#   make demo            stays up on a terminal and says how to play with it
#   CI=true make demo    checks that all is ready and ends (so does a run without a terminal)
#
# etcd, kube-apiserver and kubectl come from KUBEBUILDER_ASSETS where it is set, else from where they were built before, else from
# setup-envtest where it has them installed, and else they are built.
#
# State and logs are in .demo. Whatever it starts ends with it, even when it is killed: each program ends when the pipe that only this
# script holds is closed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
demo=$PWD/.demo
system=propensity-system
account=propensity-operator
namespace=marketing
kinds=contactaudiences,accountaudiences,propensityworkspaces,propensityreports
patience=120

stay=false
if [ -t 0 ] && [ -t 1 ] && [ "${CI:-}" != true ]; then stay=true; fi

say() { printf '\n\033[1m── %s\033[0m\n' "$*"; }
if [ ! -t 1 ]; then say() { printf '\n── %s\n' "$*"; }; fi

# fail <what> [log to show the end of]
fail() {
    {
        echo
        echo "The demo failed: $1"
        if [ -n "${2-}" ] && [ -s "$2" ]; then
            echo "The end of $2:"
            tail -n 20 "$2" | sed 's/^/  /'
        fi
    } >&2
    exit 1
}

need() { command -v "$1" >/dev/null || fail "$1 is missing: install it from $2"; }

# What there is to wait for: duration <seconds of building the control plane>
duration() {
    local parts=() minutes=$((($1 + 59) / 60)) total=1
    if [ "$minutes" -gt 0 ]; then parts+=("$minutes to build a control plane, which is cached for the next time"); fi
    total=$((total + minutes))
    if [ ! -x "$operator" ]; then
        parts+=('3 to build the operator')
        total=$((total + 3))
    fi
    if [ "$total" = 1 ]; then
        echo 'about half a minute, as all is built, and a little more where sources have changed'
    else
        printf 'about %s minutes on two cores: ' "$total"
        printf '%s, ' "${parts[@]}"
        echo '1 to run'
    fi
}

# A program in the background that ends when the pipe is closed: start <log> <command…>. Its stdout goes to a file of the log's name.
start() {
    local log=$1
    shift
    # In a process group of its own, so that Ctrl-C reaches this script alone, which then ends all in order.
    set -m
    "$@" <"$demo/hold" >"${log%.log}.out" 2>"$log" 9>&- &
    set +m
}

# The first line that a program prints: line <pid> <log>
line() {
    local out=${2%.log}.out
    while ! grep -q . "$out" 2>/dev/null; do
        kill -0 "$1" 2>/dev/null || fail 'a program ended before it was ready' "$2"
        sleep 0.1 9>&-
    done
    head -n 1 "$out"
}

# A field of a line of flat JSON: field <name> <line>
field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/" <<<"$2"; }

# What the simulator answers to a GET, without curl: get <path>
get() {
    local address=${simulator#http://}
    address=${address%/}
    exec 8<>"/dev/tcp/${address%:*}/${address##*:}"
    printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&8
    sed '1,/^\r*$/d' <&8
    exec 8>&-
}

# Puts the URLs that the simulator's reports have now into the Secret. They are keys, so they are in no argument and no output.
connect_reports() {
    get /_sim/reports | sed -E 's/.*"reports":(\{[^}]*\}).*/{"stringData":\1}/' |
        k patch secret propensity --type merge --patch-file /dev/stdin >/dev/null
}

k() { kubectl --namespace "$namespace" "$@" 9>&-; }

pids=()
operator_pid=
# shellcheck disable=SC2329 # called by the trap
finish() {
    local code=$?
    trap - EXIT INT TERM HUP
    # The operator first, so that it can give its lease back.
    if [ -n "$operator_pid" ] && kill "$operator_pid" 2>/dev/null; then
        for _ in {1..50}; do
            kill -0 "$operator_pid" 2>/dev/null || break
            sleep 0.1 9>&-
        done
    fi
    exec 9>&-
    wait 2>/dev/null || true
    rm -f "$demo/pid"
    exit "$code"
}

need cargo https://rustup.rs/
need go https://go.dev/dl/
if [ -e "$demo/pid" ] && kill -0 "$(cat "$demo/pid")" 2>/dev/null; then
    fail "another demo of this checkout is running (process $(cat "$demo/pid")); stop it first"
fi

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
rm -rf "$demo"
(umask 077 && mkdir -p "$demo/bin")
echo $$ >"$demo/pid"
mkfifo "$demo/hold"
exec 9<>"$demo/hold"

say 'Looking at what is built already'
go -C dev build -o "$demo/bin/" ./cluster ./simulator 9>&-
plane=(etcd kube-apiserver kubectl)
seconds=$("$demo/bin/cluster" estimate "${plane[@]}" 9>&-)
if [ "$seconds" -gt 0 ]; then
    assets=$("$demo/bin/cluster" envtest 9>&-)
    if [ -n "$assets" ]; then
        export KUBEBUILDER_ASSETS=$assets
        seconds=0
    fi
fi
operator=${CARGO_TARGET_DIR:-target}/debug/propensity-operator
say "This takes $(duration "$seconds")"

say 'Building the operator'
cargo build --locked 9>&-
say 'Building the control plane'
"$demo/bin/cluster" build "${plane[@]}" 9>&-

say 'Starting a control plane and a simulator of the Propensity API'
start "$demo/cluster.log" "$demo/bin/cluster" up --hold stdin --tools kubectl --dir "$demo/cluster"
pids+=($!)
about=$(line "${pids[0]}" "$demo/cluster.log")
KUBECONFIG=$(field kubeconfig "$about")
tools=$(field bin "$about")
server=$(field server "$about")
export KUBECONFIG PATH="$tools:$PATH"
# The key that examples/secret.yaml makes up.
key=$(sed -n 's/^ *workspace_api_key: *//p' examples/secret.yaml)
start "$demo/simulator.log" "$demo/bin/simulator" --key "$key" --delay 200ms --hold stdin
pids+=($!)
simulator=$(field url "$(line "${pids[1]}" "$demo/simulator.log")")
echo "API server  $server"
echo "simulator   $simulator"

say 'Installing the operator: install.yaml, which is what the chart renders'
# No replicas: this control plane has no nodes, so the operator runs beside it.
sed 's/^  replicas: 1$/  replicas: 0/' install.yaml | kubectl apply --server-side -f - >"$demo/install.out" 2>&1 9>&- ||
    fail "kubectl apply doesn't succeed" "$demo/install.out"
kubectl wait --for=condition=Established --timeout=60s crds --all >>"$demo/install.out" 2>&1 9>&- ||
    fail 'the API server does not serve the CRDs' "$demo/install.out"
kubectl --namespace "$system" get serviceaccounts,deployments 9>&-
kubectl get crds -o name 9>&-

say "Starting the operator with the token of its ServiceAccount"
cp "$KUBECONFIG" "$demo/operator.kubeconfig"
token=$(kubectl --namespace "$system" create token "$account" --duration 24h 9>&-)
KUBECONFIG=$demo/operator.kubeconfig kubectl config set-credentials operator --token "$token" >/dev/null 9>&-
KUBECONFIG=$demo/operator.kubeconfig kubectl config set-context --current --user operator >/dev/null 9>&-
address=${simulator#http://}
start "$demo/operator.log" env KUBECONFIG="$demo/operator.kubeconfig" "$demo/bin/cluster" guard -- "$operator" \
    --api-url="$simulator" --allowed-hosts="${address%%:*}" --lease-namespace="$system" --listen=127.0.0.1:0
operator_pid=$!
until metrics=$(sed -nE 's/.*probes and metrics are served.*(127\.0\.0\.1:[0-9]+).*/\1/p' "$demo/operator.log") && [ -n "$metrics" ]; do
    kill -0 "$operator_pid" 2>/dev/null || fail 'the operator ended by itself' "$demo/operator.log"
    sleep 0.1 9>&-
done

say 'Applying examples/'
kubectl create namespace "$namespace" >/dev/null 9>&-
k apply --server-side -f examples/
# In place of those that examples/secret.yaml makes up.
connect_reports
echo "secret/propensity has the URLs of the simulator's reports"

say 'Waiting until all is ready'
shown=
began=$SECONDS
while :; do
    kill -0 "$operator_pid" 2>/dev/null || fail 'the operator ended by itself' "$demo/operator.log"
    state=$(k get "$kinds" -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].reason}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}')
    # Each object when its state changes.
    while read -r name reason _; do
        case $shown in *"|$name $reason|"*) continue ;; esac
        shown+="|$name $reason|"
        if [ -n "$reason" ]; then printf '%3d s  %-56s %s\n' $((SECONDS - began)) "$name" "$reason"; fi
    done <<<"$state"
    if ! grep -qv ' True$' <<<"$state"; then break; fi
    if [ $((SECONDS - began)) -gt "$patience" ]; then
        k get "$kinds" -o wide >&2
        fail "not all is ready after $patience s" "$demo/operator.log"
    fi
    sleep 0.3 9>&-
done

say "kubectl get propensity --namespace $namespace"
k get propensity
say "kubectl get propensityreports --namespace $namespace"
k get propensityreports
say 'An audience with engagement in its status: what the report account-engagement says of target-accounts'
# Written once both are there, so it may come a moment after they are ready.
until k get accountaudience target-accounts -o 'jsonpath={.status.engagement[0].rows}' | grep -q '[1-9]'; do
    if [ $((SECONDS - began)) -gt "$patience" ]; then
        k get accountaudience target-accounts -o 'jsonpath={.status.engagement}{"\n"}' >&2
        fail 'the report has no rows about target-accounts' "$demo/operator.log"
    fi
    sleep 0.3 9>&-
done
k get accountaudience target-accounts -o 'jsonpath={.status.engagement}{"\n"}'
say "kubectl get audiencereceipts --namespace $namespace   (the ledger)"
k get audiencereceipts
say 'A list from a CSV in a ConfigMap, and what became of its rows'
k get configmap q4-accounts -o 'jsonpath={.data.accounts\.csv}'
k get accountaudience q4-accounts -o 'jsonpath={.status.members}{"\n"}'
say 'What the simulator holds'
held=$(get /_sim/audiences | sed 's/,{"type":"audience"/\n{"type":"audience"/g')
sed -E 's/.*"kind":"([a-z]+)".*"memberCount":([0-9]+),"members":(\[.*\])\}.*/  \2 \1  \3/' <<<"$held"

wanted=$(k get contactaudiences,accountaudiences -o name | wc -l)
stored=$(wc -l <<<"$held")
if [ "$stored" != "$wanted" ]; then
    fail "$wanted audiences are applied, but the simulator holds $stored" "$demo/operator.log"
fi

took="$SECONDS s"
if [ "$SECONDS" -ge 120 ]; then took="$((SECONDS / 60)) min $((SECONDS % 60)) s"; fi
if [ "$stay" = false ]; then
    say "All is ready: $wanted audiences, each created once, and nine reports. It took $took. Metrics were at http://$metrics/metrics"
    exit 0
fi
say "It took $took and stays up. In another terminal:"
cat <<END
  export KUBECONFIG=$KUBECONFIG PATH=$tools:\$PATH
  kubectl config set-context --current --namespace $namespace
  kubectl get propensity --watch

A change to try: a list with one more account becomes an audience of its own.
  kubectl patch aaud target-accounts --type json -p '[{"op": "add", "path": "/spec/accounts/-", "value": {"website": "example.net"}}]'

A change of the file, which is followed once it has been quiet for 10 s:
  kubectl patch configmap q4-accounts --type merge -p '{"data": {"accounts.csv": "website\\nexample.com\\nexample.net\\n"}}'

Delete one and apply it again: the ledger knows it, and nothing is sent.
  kubectl delete caud q4-security-leaders && kubectl apply --server-side -f examples/contacts.yaml

Lose an answer: the next create ends in OutcomeUnknown, and its message has the commands that resolve it.
  curl ${simulator}_sim/faults -d '{"fault": "storeThenStatus", "status": 503, "times": 1}'

Rotate the URLs of all reports: at its next fetch, here at once, a report says CredentialsRejected, and creates go on.
  curl -X POST ${simulator}_sim/reports/rotate
  kubectl annotate preport account-engagement --overwrite abm.propensity.com/requestedAt="\$(date -u +%FT%TZ)"
  kubectl get propensityreports --watch
Put the new URLs into the Secret, and they are followed within seconds, one report after the other:
  curl -s ${simulator}_sim/reports | sed -E 's/.*"reports":(\{[^}]*\}).*/{"stringData":\1}/' |
    kubectl patch secret propensity --type merge --patch-file /dev/stdin

The simulator's page: $simulator
The metrics:          http://$metrics/metrics
The operator's log:   $demo/operator.log
Ctrl-C ends it all.
END
trap 'exit 0' INT TERM
while kill -0 "${pids[0]}" 2>/dev/null && kill -0 "${pids[1]}" 2>/dev/null && kill -0 "$operator_pid" 2>/dev/null; do sleep 1 9>&-; done
fail 'a program ended by itself' "$demo/operator.log"
