#!/usr/bin/env bash
# Starts the control plane. Usage: up.sh [STATE_DIR] ; then: export KUBECONFIG=STATE_DIR/pki/admin.kubeconfig
# CONTROL_PLANE: path of the built binary. CONTROL_PLANE_PORT: first of eight ports. CONTROL_PLANE_NODES: how many fake nodes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${CONTROL_PLANE:-$here/control-plane}
state=${1:-$here/state}
p=${CONTROL_PLANE_PORT:-26443}          # p API, p+1 metrics TLS, p+2 metrics control, p+3/p+4 etcd, p+5 kcm, p+6 scheduler, p+7 kwok
mkdir -p "$state"/{log,pid}; state=$(cd "$state" && pwd); pki=$state/pki
[ -z "$(ls "$state/pid")" ] || { echo "already up, or not stopped: run down.sh $state" >&2; exit 1; }
ok=; trap '[ -n "$ok" ] || { tail -qn 3 "$state"/log/*.log >&2; "$here/down.sh" "$state"; }' EXIT
part() { # name args...
  local n=$1; shift
  setsid "$bin" "$n" "$@" >"$state/log/$n.log" 2>&1 </dev/null &
  echo $! >"$state/pid/$n"
}
alive() { local f; for f in "$state"/pid/*; do kill -0 "$(cat "$f")" 2>/dev/null || return 1; done; }
wait_for() { # seconds, command...
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ] || ! alive; then echo "timed out, or a part died: $*" >&2; exit 1; fi
    sleep 0.1
  done
}
"$bin" pki --dir="$pki" --server="https://127.0.0.1:$p"
"$bin" stages >"$state/stages.yaml"
export KUBECONFIG=$pki/admin.kubeconfig

part etcd --data-dir="$state/etcd" --port=$((p+3))
# --endpoint-reconciler-type=none: Endpoints may not hold a loopback address, else an error is logged.
part kube-apiserver \
  --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$p" --endpoint-reconciler-type=none \
  --etcd-servers="http://127.0.0.1:$((p+3))" --service-cluster-ip-range=10.0.0.0/16 \
  --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --service-account-issuer=https://kubernetes.default.svc \
  --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
  --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key"
wait_for 90 kubectl get --raw /readyz
# The three --horizontal-pod-autoscaler-* delays are 15s, 5m and 30s by default: too long for a test.
part kube-controller-manager --kubeconfig="$pki/controller-manager.kubeconfig" \
  --bind-address=127.0.0.1 --secure-port=$((p+5)) --leader-elect=false --use-service-account-credentials \
  --authentication-kubeconfig="$pki/controller-manager.kubeconfig" --authorization-kubeconfig="$pki/controller-manager.kubeconfig" \
  --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
  --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
  --horizontal-pod-autoscaler-sync-period="${CONTROL_PLANE_HPA_SYNC:-5s}" \
  --horizontal-pod-autoscaler-cpu-initialization-period=1s --horizontal-pod-autoscaler-initial-readiness-delay=1s
part kube-scheduler --kubeconfig="$pki/scheduler.kubeconfig" --bind-address=127.0.0.1 --secure-port=$((p+6)) --leader-elect=false \
  --authentication-kubeconfig="$pki/scheduler.kubeconfig" --authorization-kubeconfig="$pki/scheduler.kubeconfig"
# Without --server-address kwok listens on every address.
part kwok --kubeconfig="$pki/kwok.kubeconfig" --config="$state/stages.yaml" --manage-all-nodes \
  --server-address="127.0.0.1:$((p+7))" --node-ip=10.1.0.1 --cidr=10.2.0.0/16 --node-lease-duration-seconds=40
part metrics --pki="$pki" --port=$((p+1)) --control=$((p+2))

for i in $(seq 1 "${CONTROL_PLANE_NODES:-3}"); do cat <<Y
---
apiVersion: v1
kind: Node
metadata:
  name: node-$i
  labels: {kubernetes.io/hostname: node-$i, kubernetes.io/os: linux, topology.kubernetes.io/zone: zone-$i}
  annotations: {kwok.x-k8s.io/node: fake}
spec: {providerID: "kwok://node-$i"}
status:
  capacity: &c {cpu: "8", memory: 32Gi, pods: "110"}
  allocatable: *c
Y
done | kubectl apply -f - >/dev/null

# The aggregated metrics APIs. ExternalName is the way to a server on the loopback without kube-proxy.
ca=$(base64 -w0 <"$pki/ca.crt")
{ cat <<Y
apiVersion: v1
kind: Service
metadata: {name: lab-metrics, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost, ports: [{port: $((p+1))}]}
Y
for g in metrics.k8s.io external.metrics.k8s.io; do cat <<Y
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.$g}
spec:
  group: $g
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: $ca
  service: {name: lab-metrics, namespace: kube-system, port: $((p+1))}
Y
done; } | kubectl apply -f - >/dev/null
kubectl wait --for=condition=Ready node --all --timeout=60s >/dev/null
kubectl wait --for=condition=Available apiservice v1beta1.metrics.k8s.io v1beta1.external.metrics.k8s.io --timeout=60s >/dev/null
# A pod made before its service account is refused.
wait_for 60 kubectl -n default get serviceaccount default
ok=1
echo "up: KUBECONFIG=$KUBECONFIG"
