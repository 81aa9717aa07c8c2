#!/usr/bin/env bash
# Packs the manifests of a release, with both images named by digest:
#
#   tools/pack-release.sh VERSION AGENT_IMAGE@DIGEST FOLDER
#
# makes FOLDER/chrony-tracker-VERSION.tar.gz from the files of the current commit. It fails if an image in an
# overlay has no digest. It needs git, kustomize, and docker to ask the registry for the collector's digest,
# unless COLLECTOR_DIGEST is set. RUNBOOK_URL replaces the path of the runbook in the alerts' runbook_url.
# The same commit and images give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1 agent=$2 folder=$3
name=chrony-tracker-$version

work=$(mktemp --directory)
trap 'rm --recursive --force "$work"' EXIT
mkdir --parents "$folder" "$work/$name"
git archive HEAD k8s otel-collector azure alerts grafana docs examples README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE |
  tar --extract --directory "$work/$name"

collector=$(sed --quiet --regexp-extended 's/^ *image: (otel\/.*)$/\1/p' k8s/base/collector/deployment.yaml)
digest=${COLLECTOR_DIGEST:-$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "docker.io/$collector")}
(cd "$work/$name/k8s/base/agent" && kustomize edit set image "chrony-tracker=$agent")
(cd "$work/$name/k8s/base/collector" && kustomize edit set image "${collector%:*}=${collector%:*}@$digest")

# Removes the image of a checkout from the overlays.
sed --in-place '/^images:$/,/newTag:/d' "$work/$name"/k8s/overlays/*/kustomization.yaml

if [ -n "${RUNBOOK_URL:-}" ]; then
  (cd "$work/$name" && sed --in-place "s|docs/runbook\.md#|$RUNBOOK_URL#|" \
    alerts/*.yaml azure/rule-groups.json grafana/alerting/*.yaml)
fi

for overlay in "$work/$name"/k8s/overlays/*/; do
  images=$(kustomize build "$overlay" | sed --quiet --regexp-extended 's/^ *image: (.*)$/\1/p')
  if [ -z "$images" ] || grep --quiet --invert-match --extended-regexp '@sha256:[0-9a-f]{64}$' <<< "$images"; then
    echo "$(basename "$overlay") has an image without a digest, or none: $images" >&2
    exit 1
  fi
done

tar --create --gzip --file "$folder/$name.tar.gz" --directory "$work" \
  --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" "$name"
