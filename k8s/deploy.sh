#!/usr/bin/env bash
# Deploys an overlay, in order: namespace and configuration, servers, migrations, roles. Server-side apply with strict
# fields: what is as it should be is not touched, and it may be run again at any time.
#
#   deploy.sh --overlay NAME [--dry-run] [--wait] [--rollback]
#
#   --overlay NAME   dev, staging, prod, or a folder with a kustomization.yaml
#   --dry-run        changes nothing; the API server checks every object
#   --wait           until servers are ready, migrations are done and every role has rolled out
#   --rollback       every Deployment back to the revision before
#
# KUBECTL names another kubectl; the cluster is the one of the current context. Exit code 0, 1 when something failed,
# 2 for a wrong command line, 5 when the cluster cannot be reached.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kubectl=${KUBECTL:-kubectl}
manager=impresario-deploy
# A StatefulSet recovers, a role migrates: longer than either takes.
patience=600s

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; [ -z "${2:-}" ] || say "  fix: $2"; exit "${3:-1}"; }

overlay='' dry='' wait='' rollback=''
while [ $# -gt 0 ]; do
    case $1 in
        --overlay) overlay=${2:-}; shift 2 || fail '--overlay needs a name' '' 2 ;;
        --dry-run) dry=yes; shift ;;
        --wait) wait=yes; shift ;;
        --rollback) rollback=yes; shift ;;
        -h|--help) sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) fail "$1 is no option" "deploy.sh --help" 2 ;;
    esac
done
[ -n "$overlay" ] || fail 'which overlay?' 'deploy.sh --overlay dev' 2
folder=$here/overlays/$overlay
[ -d "$folder" ] || folder=$overlay
[ -f "$folder/kustomization.yaml" ] || fail "there is no overlay $overlay" "one of: $(cd "$here/overlays" && echo *)" 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- what is to be deployed, and whether it can be -------------------------------------------------------------------

command -v "$kubectl" >/dev/null || fail "there is no $kubectl" 'install kubectl 1.27 or later'
"$kubectl" kustomize "$folder" >"$work/all.yaml" || fail "$overlay does not render" 'kubectl 1.27 or later knows components'
"$kubectl" get --raw /readyz >/dev/null 2>"$work/said" ||
    fail "the API server does not answer: $(tail -n 1 "$work/said")" 'kubectl config get-contexts' 5

# One file for each step. An object is one document; its kind is a line of its own, and its name the first at that depth.
mkdir "$work/object"
awk -v folder="$work/object" 'BEGIN { n = 1 } /^---$/ { n++; next } { print > sprintf("%s/%03d.yaml", folder, n) }' "$work/all.yaml"
kind_of() { sed -n 's/^kind: //p' "$1"; }
name_of() { awk '/^metadata:/ { inside = 1; next } /^[^ ]/ { inside = 0 } inside && /^  name: / { print $2; exit }' "$1"; }
mkdir "$work/step"
for object in "$work"/object/*.yaml; do
    case $(kind_of "$object") in
        Namespace) step=0-namespace; namespace=$(name_of "$object") ;;
        PriorityClass|ServiceAccount|ConfigMap|Role|RoleBinding|ResourceQuota|LimitRange|ExternalSecret) step=1-configuration ;;
        NetworkPolicy|PodDisruptionBudget|Service|ValidatingAdmissionPolicy|ValidatingAdmissionPolicyBinding) step=1-configuration ;;
        StatefulSet|Cluster|ObjectStore|RabbitmqCluster|Kafka|KafkaNodePool) step=2-servers ;;
        Job) step=3-migrations ;;
        *) step=4-roles ;;
    esac
    { echo ---; cat "$object"; } >>"$work/step/$step.yaml"
done
[ -n "${namespace:-}" ] || fail "$overlay has no Namespace" 'its base is k8s/base'
k() { "$kubectl" --namespace "$namespace" "$@"; }
deployments() { k get deployments --selector app.kubernetes.io/part-of=impresario --output name; }

if [ -n "$rollback" ]; then
    say "rolling back in $namespace"
    for deployment in $(deployments); do
        if [ -n "$dry" ]; then
            say "  would roll back $deployment"
            continue
        fi
        if ! k rollout undo "$deployment" >"$work/said" 2>&1; then
            # The first revision has none before it.
            grep -q 'no rollout history found\|no last revision' "$work/said" || fail "$(cat "$work/said")"
            say "  $deployment: no revision before this one"
            continue
        fi
        say "  $(cat "$work/said")"
    done
    [ -z "$wait" ] || for deployment in $(deployments); do k rollout status "$deployment" --timeout="$patience" >&2; done
    say 'done; revert the change in git too, or the next deploy brings it back'
    exit 0
fi

say "deploying $overlay to namespace $namespace of $("$kubectl" config current-context 2>/dev/null || echo 'the cluster')"

missing=''
"$kubectl" api-resources --no-headers 2>/dev/null | awk '{ print $NF }' | sort -u >"$work/known"
while read -r kind; do
    grep -qx "$kind" "$work/known" || missing="$missing $kind"
done < <(sed -n 's/^kind: //p' "$work"/object/*.yaml | sort -u)
[ -z "$missing" ] || fail "this cluster does not know:$missing" 'install the operators that the overlay names, or take staging, which needs fewer'

random() { head -c 48 /dev/urandom | base64 | tr -d '/+=\n' | head -c 32; }
# A secret that the platform reads, made up for a throw-away environment.
make_up() {
    local password; password=$(random)
    case $1 in
        postgres-app) k create secret generic "$1" --from-literal=username=impresario --from-literal=password="$password" \
            --from-literal=uri="postgres://impresario:$password@postgres.$namespace.svc:5432/impresario" ;;
        postgres-admin) k create secret generic "$1" --from-literal=password="$password" --from-literal=replication-password="$(random)" ;;
        rabbitmq-default-user) k create secret generic "$1" --from-literal=username=impresario --from-literal=password="$password" ;;
        rabbitmq-node) k create secret generic "$1" --from-literal=erlang-cookie="$password" ;;
        impresario-webhooks) k create secret generic "$1" --from-literal=payment="$password" \
            --from-literal=notification="whsec_$(head -c 32 /dev/urandom | base64)" ;;
        *) fail "nobody knows how to make up the secret $1" 'k8s/deploy.sh, make_up' ;;
    esac >/dev/null
}

# Read by the overlay, and brought neither by it nor by its operators.
brought=$(for object in "$work"/object/*.yaml; do
    case $(kind_of "$object") in
        ExternalSecret) name_of "$object" ;;
        Cluster) echo "$(name_of "$object")-app" ;;
        RabbitmqCluster) echo "$(name_of "$object")-default-user" ;;
    esac
done)
lacking=''
while read -r secret _; do
    case $secret in ''|'#'*) continue ;; esac
    grep -qE "name: $secret\$" "$work/all.yaml" || continue
    ! grep -qx "$secret" <<<"$brought" || continue
    k get secret "$secret" --output name >/dev/null 2>&1 || lacking="$lacking $secret"
done <"$here/secrets.txt"
if [ -n "$lacking" ] && [ "$overlay" != dev ]; then
    fail "namespace $namespace lacks the secrets:$lacking" "k8s/secrets.txt lists their keys; components external-secrets* bring them"
fi

# --- applying --------------------------------------------------------------------------------------------------------

apply() {
    local file=$1; shift
    k apply --server-side --field-manager="$manager" --force-conflicts --validate=strict --filename "$file" "$@"
}

if [ -n "$dry" ]; then
    [ -z "$lacking" ] || say "would make up the secrets:$lacking"
    # Without the namespace the API server cannot judge what is to be in it: then it is judged as what it is.
    if k get namespace "$namespace" --output name >/dev/null 2>&1; then
        for step in "$work"/step/*.yaml; do apply "$step" --dry-run=server; done
    else
        apply "$work/step/0-namespace.yaml" --dry-run=server
        k apply --dry-run=client --validate=strict --filename "$work/all.yaml"
    fi
    say 'nothing was changed'
    exit 0
fi

for step in "$work"/step/0-*.yaml "$work"/step/1-*.yaml; do apply "$step"; done
for secret in $lacking; do say "making up secret $secret"; make_up "$secret"; done

if [ -f "$work/step/2-servers.yaml" ]; then
    apply "$work/step/2-servers.yaml"
    if [ -n "$wait" ]; then
        for set in $(k get statefulsets --selector app.kubernetes.io/part-of=impresario --output name); do
            k rollout status "$set" --timeout="$patience" >&2
        done
        # Operators say so of their own objects.
        for cluster in clusters.postgresql.cnpg.io/postgres:Ready rabbitmqclusters.rabbitmq.com/rabbitmq:AllReplicasReady \
            kafkas.kafka.strimzi.io/kafka:Ready; do
            k get "${cluster%:*}" --output name >/dev/null 2>&1 || continue
            k wait --for=condition="${cluster#*:}" --timeout="$patience" "${cluster%:*}" >&2
        done
    fi
fi

# A Job cannot be changed: one that is to be another is made anew, one that is as it should be is left alone.
if ! apply "$work/step/3-migrations.yaml" >"$work/said" 2>&1; then
    grep -q 'field is immutable' "$work/said" || fail "$(cat "$work/said")"
    say 'migrations: another image, so they run again'
    k delete job migrate --wait=true >&2
    apply "$work/step/3-migrations.yaml"
else
    cat "$work/said"
fi
if [ -n "$wait" ]; then
    k wait --for=condition=complete --timeout="$patience" job/migrate >&2 ||
        fail 'migrations did not end' "kubectl -n $namespace logs job/migrate"
fi

apply "$work/step/4-roles.yaml"
if [ -n "$wait" ]; then
    for deployment in $(deployments); do k rollout status "$deployment" --timeout="$patience" >&2; done
fi
say 'done'
