#!/usr/bin/env bash
# Packs the OCI artifacts of a release:
#
#   tools/pack-artifacts.sh ARCHIVE FOLDER
#
# makes FOLDER/chart.tgz, the Helm chart, and FOLDER/manifests.tar.gz from the archive of pack-release.sh. The
# manifests have k8s and otel-collector at the top, so that the path of an overlay is the same in every
# version. Both name the images by digest, as the archive does. It needs npm's packages, kustomize and helm.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
archive=$1 folder=$2

work=$(mktemp --directory)
trap 'rm --recursive --force "$work"' EXIT
mkdir --parents "$folder" "$work/release" "$work/packed"
tar --extract --file "$archive" --directory "$work/release" --strip-components=1
node "$root/tools/chart.ts" "$work/chart" "$work/release"
helm package "$work/chart" --destination "$work/packed"
mv "$work/packed"/*.tgz "$folder/chart.tgz"
tar --create --gzip --file "$folder/manifests.tar.gz" --directory "$work/release" \
  --sort=name --owner=0 --group=0 --numeric-owner k8s otel-collector LICENSE
