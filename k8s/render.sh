#!/usr/bin/env bash
# Renders every overlay into k8s/rendered, which is committed: reviews see what a cluster gets.
set -euo pipefail
cd "$(dirname "$0")"
for overlay in dev staging prod; do
    kubectl kustomize "overlays/$overlay" >"rendered/$overlay.yaml"
done
