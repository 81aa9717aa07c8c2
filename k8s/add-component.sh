#!/bin/sh
# Adds components to an overlay, without kustomize and without an editor. A component that the overlay has
# already stays as it is.
#
#   k8s/add-component.sh OVERLAY COMPONENT...     for instance: k8s/add-component.sh azure aks-automatic
#
# Exit code 0: the overlay has them. 1: the overlay or a component does not exist. 2: too few names.
set -u

if [ $# -lt 2 ]; then
  echo 'Name an overlay and its components: k8s/add-component.sh OVERLAY COMPONENT...' >&2
  exit 2
fi
folder=$(dirname "$0")
overlay=$1
file=$folder/overlays/$overlay/kustomization.yaml
shift

# names_in FOLDER: the names of the kustomizations in it, in one line
names_in() {
  for path in "$folder/$1"/*/; do
    printf ' %s' "$(basename "$path")"
  done
}

if [ ! -f "$file" ]; then
  echo "There is no overlay $overlay. The overlays are:$(names_in overlays)." >&2
  exit 1
fi
for component; do
  if [ ! -f "$folder/components/$component/kustomization.yaml" ]; then
    echo "There is no component $component. The components are:$(names_in components)." >&2
    exit 1
  fi
done

# As in the rest of the file, because YAML requires that a list is indented in one way.
indent='  '
if grep -q '^- ' "$file"; then
  indent=''
fi
for component; do
  if grep -q "^ *- \.\./\.\./components/$component\$" "$file"; then
    echo "$file has $component already."
    continue
  fi
  # One list: of two `components:` kustomize would use only the second.
  awk -v item="$indent- ../../components/$component" '
    { print }
    /^components:/ { print item; found = 1 }
    END { if (!found) { print "components:"; print item } }
  ' "$file" >"$file.new" && mv "$file.new" "$file" || exit 1
  echo "$file has $component now."
done
