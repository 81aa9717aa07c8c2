#!/bin/sh
# Copies both images of a release into an Azure container registry, by digest, and changes the manifests to
# use them. It needs az, but not Docker. Run it again after unpacking a newer release.
#
#   k8s/mirror.sh REGISTRY        for instance: k8s/mirror.sh contoso
#
# Docker Hub limits anonymous pulls. With DOCKER_HUB_USER and DOCKER_HUB_TOKEN in the environment, its image is
# copied with that account.
#
# Exit code 0: both were copied. 1: az failed, or this is not an unpacked release. 2: no registry was named.
set -u

registry=${1:-}
registry=${registry%%.*}
base=$(dirname "$0")/base
if [ -z "$registry" ]; then
  echo 'Name the registry: k8s/mirror.sh REGISTRY' >&2
  exit 2
fi
if ! command -v az >/dev/null; then
  echo 'az is not installed. It copies the images from registry to registry: https://learn.microsoft.com/cli/azure/install-azure-cli' >&2
  exit 1
fi
server=$(az acr show --name "$registry" --query loginServer --output tsv) || exit 1

# field NAME FILE: the value of a field of the only image of a kustomization.
field() {
  sed -n "s/^ *-\{0,1\} *$1: *//p" "$2" | head -n 1
}

for part in agent collector; do
  file=$base/$part/kustomization.yaml
  digest=$(field digest "$file")
  if [ -z "$digest" ]; then
    echo "$file names no image by digest, so this is not an unpacked release. Build and push the image instead: docs/releases.md." >&2
    exit 1
  fi
  source=$(field newName "$file")
  case $source in
    "$server"/*)
      echo "$source is in the registry already."
      continue ;;
    *.*/*) ;;
    *) source=docker.io/$source ;;
  esac
  repository=${source##*/}
  # With a tag, because a registry may remove untagged manifests. The digest stays the same.
  tag=$(printf %s "$digest" | sed 's/^sha256:\(.\{12\}\).*/\1/')
  set --
  case $source in
    docker.io/*)
      if [ -n "${DOCKER_HUB_USER:-}" ]; then
        set -- --username "$DOCKER_HUB_USER" --password "${DOCKER_HUB_TOKEN:-}"
      fi ;;
  esac
  az acr import --name "$registry" --source "$source@$digest" --image "$repository:$tag" --force "$@" || exit 1
  sed "s|^\( *newName: \).*|\1$server/$repository|" "$file" >"$file.new" && mv "$file.new" "$file" || exit 1
  echo "$file names $server/$repository@$digest now."
done
