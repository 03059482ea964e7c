#!/bin/sh
# Runs overlays one after the other, each when the Job of the last is complete:
#   k8s/pipeline/kubectl/run.sh ingest-segy cpu
# An argument is an overlay's name or the path of one of your own; NAMESPACE and KUBECTL may be set.
set -eu
overlays=$(cd "$(dirname "$0")/../../overlays" && pwd)
kubectl="${KUBECTL:-kubectl}${NAMESPACE:+ --namespace=$NAMESPACE}"

[ $# -gt 0 ] || { echo "usage: $0 OVERLAY..." >&2; exit 64; }
for step; do
    [ -d "$step" ] || step=$overlays/$step
    [ -f "$step/kustomization.yaml" ] || { echo "$step: no kustomization.yaml, expected an overlay" >&2; exit 64; }
    job=$($kubectl apply -k "$step" -o name | sed -n 's/^job\.batch\///p')
    echo "$job: started"
    until state=$($kubectl get job "$job" -o 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}{"\n"}{end}') \
        && echo "$state" | grep -qE '^(Complete|Failed)$'; do
        sleep "${POLL_SECONDS:-5}"
    done
    if echo "$state" | grep -qx Failed; then
        $kubectl get job "$job" -o 'jsonpath={.status.conditions[?(@.type=="Failed")].message}{"\n"}' >&2
        echo "$job: failed; the steps after it were not started" >&2
        exit 1
    fi
    echo "$job: complete"
done
