#!/bin/sh
# Runs overlays one after the other, each when the Job of the last is complete:
#   k8s/pipeline/kubectl/run.sh ingest-segy cpu
# An argument is an overlay's name or the path of one of your own; NAMESPACE and KUBECTL may be set. A Job that runs already is
# waited for; one that has ended is made again, and skips what is finished.
set -eu
overlays=$(cd "$(dirname "$0")/../../overlays" && pwd)
kubectl="${KUBECTL:-kubectl}${NAMESPACE:+ --namespace=$NAMESPACE}"

[ $# -gt 0 ] || { echo "usage: $0 OVERLAY..." >&2; exit 64; }
for step; do
    [ -d "$step" ] || step=$overlays/$step
    [ -f "$step/kustomization.yaml" ] || { echo "$step: no kustomization.yaml, expected an overlay" >&2; exit 64; }
    # The Job's namespace, which may be the overlay's own, its name, and what is true of it.
    about=$($kubectl apply -k "$step" --dry-run=client -o \
        'jsonpath={range .items[?(@.kind=="Job")]}{.metadata.namespace} {.metadata.name} {.status.conditions[?(@.status=="True")].type}{"\n"}{end}')
    read -r namespace job state <<END
$about
END
    [ -n "$job" ] || { echo "$step: found no Job, expected one" >&2; exit 64; }
    case " $state " in
        *" Complete "* | *" Failed "*) $kubectl delete job "$job" "--namespace=$namespace" --cascade=foreground >/dev/null ;;
    esac
    $kubectl apply -k "$step" >/dev/null
    echo "$job: started"
    until state=$($kubectl get job "$job" "--namespace=$namespace" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}') \
        && case " $state " in *" Complete "* | *" Failed "*) ;; *) false ;; esac; do
        sleep "${POLL_SECONDS:-5}"
    done
    case " $state " in
        *" Failed "*)
            $kubectl get job "$job" "--namespace=$namespace" -o 'jsonpath={.status.conditions[?(@.type=="Failed")].message}{"\n"}' >&2
            echo "$job: failed; the steps after it were not started" >&2
            exit 1
            ;;
    esac
    echo "$job: complete"
done
