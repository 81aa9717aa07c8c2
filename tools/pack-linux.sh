#!/usr/bin/env bash
# Packs the archive for machines without Kubernetes: tools/pack-linux.sh VERSION BUNDLE FOLDER makes
# FOLDER/chrony-tracker-VERSION-linux.tar.gz from the bundle's folder (npm run build), the unit and its install
# script. The same commit and bundle give the same bytes.
set -euo pipefail
version=$1 bundle=$2 folder=$3
root=$(cd "$(dirname "$0")/.." && pwd)
name=chrony-tracker-$version-linux

work=$(mktemp --directory)
trap 'rm --recursive --force "$work"' EXIT
mkdir --parents "$folder" "$work/$name"
cp "$bundle"/chrony-tracker.cjs "$bundle"/koffi.linux-*.node "$root"/LICENSE "$root"/systemd/* "$work/$name"
cp "$root/docs/one-machine.md" "$work/$name/README"
chmod 644 "$work/$name"/*
chmod 755 "$work/$name/install.sh"
tar --create --gzip --file "$folder/$name.tar.gz" --directory "$work" \
  --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git -C "$root" log -1 --format=%ct)" "$name"
