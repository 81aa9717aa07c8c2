#!/bin/sh
# Installs or upgrades the agent on a machine with systemd and chrony, without Kubernetes. It downloads
# nothing. Run it as root in the unpacked archive.
#
#   ./install.sh [--node PATH] [--user USER | --udp]
#   ./install.sh --remove [--purge]     --purge: also the settings (/etc/chrony-tracker.env)
#
#   --node   Node.js 24 or later; default: the one on the path
#   --user   the user of the agent; default: the owner of /run/chrony, because chronyd answers no other
#   --udp    asks chronyd over UDP 323 instead, as a separate user
#
# With DESTDIR=FOLDER it installs all files below that folder and starts nothing.
# Exit code 0: done. 1: not possible; nothing was changed. 2: the command line is invalid.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
programs=$root/usr/local/lib/chrony-tracker
command=$root/usr/local/bin/chrony-tracker
documents=$root/usr/local/share/doc/chrony-tracker
unit=$root/etc/systemd/system/chrony-tracker.service
settings=$root/etc/chrony-tracker.env
directory=$root/run/chrony

# fail SENTENCE
fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

misused() {
  printf '%s Usage: install.sh [--node PATH] [--user USER | --udp], install.sh --remove [--purge]\n' "$1" >&2
  exit 2
}

remove='' purge='' user='' udp='' node=''
while [ $# -gt 0 ]; do
  case $1 in
    --remove) remove=yes ;;
    --purge) purge=yes ;;
    --udp) udp=yes ;;
    --node | --user)
      [ $# -gt 1 ] || misused "$1 needs a value."
      if [ "$1" = --node ]; then node=$2; else user=$2; fi
      shift ;;
    *) misused "Unknown argument: $1." ;;
  esac
  shift
done
[ -z "$purge" ] || [ -n "$remove" ] || misused '--purge is for --remove.'
[ -z "$udp" ] || [ -z "$user" ] || misused 'With --udp systemd creates the user: use --user or --udp, not both.'

# Whether to use systemctl: not with DESTDIR.
uses_systemd() {
  [ -z "$root" ] && [ -d /run/systemd/system ]
}

[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || fail 'Run this as root: it writes to /usr/local and /etc/systemd.'

if [ -n "$remove" ]; then
  if uses_systemd && [ -e "$unit" ]; then
    systemctl disable --now chrony-tracker.service || exit 1
  fi
  rm -rf "$programs" "$documents" || exit 1
  rm -f "$command" "$unit" || exit 1
  if uses_systemd; then
    # The file of `systemctl edit` belongs to the administrator.
    systemctl daemon-reload
  fi
  if [ -n "$purge" ]; then
    rm -f "$settings" || exit 1
  elif [ -e "$settings" ]; then
    echo "Removed. $settings is kept; --remove --purge removes it, too."
    exit 0
  fi
  echo 'Removed.'
  exit 0
fi

node=${node:-$(command -v node)}
[ -n "$node" ] || fail 'Node.js is not on the path. Install Node.js 24 or later, or name it: --node PATH.'
case $node in
  /*) ;;
  *) fail "--node $node: give an absolute path, because systemd starts it." ;;
esac
version=$("$node" --print 'process.versions.node' 2>/dev/null) ||
  fail "$node is no Node.js that runs here. Install Node.js 24 or later, or name it: --node PATH."
[ "${version%%.*}" -ge 24 ] || fail "$node is Node.js $version. Version 24 or later is needed: --node PATH."
# With DESTDIR nothing is started on this machine.
case $root$node in
  /home/* | /root/*) [ -n "$root" ] || fail "$node is in a home directory, which the unit keeps the agent out of. Install Node.js for all users, for instance below /usr/local." ;;
esac

# The processor by Node.js' name. There is no binary of koffi for musl.
native=$("$node" --print '(process.report.getReport().header.glibcVersionRuntime ? "" : "musl-") + process.arch' 2>/dev/null)
if [ -z "$udp" ] && [ ! -e "$here/koffi.linux-$native.node" ]; then
  fail "There is no native part for $native, which Unix sockets need. Install with --udp: chronyd answers at UDP port 323 of this machine, unless chrony.conf has cmdport 0."
fi

if [ -n "$udp" ]; then
  user=chrony-tracker group=chrony-tracker
elif [ -n "$user" ]; then
  group=$(id -gn "$user" 2>/dev/null) || fail "There is no user $user. Name the one that chronyd runs as."
elif [ -d "$directory" ]; then
  user=$(stat -c %U "$directory") group=$(stat -c %G "$directory")
else
  fail "$directory does not exist: chronyd does not run. Start it first, or name its user: --user _chrony."
fi
case $user in
  root | UNKNOWN) fail "$directory is owned by ${user}, and the agent never runs as root. If chronyd runs as root, ask it over UDP: --udp." ;;
esac

mkdir -p "$programs" "$documents" "$(dirname "$command")" "$(dirname "$unit")" || exit 1
# The file is replaced and not overwritten, because a running process may still use the old one.
for file in "$here"/chrony-tracker.cjs "$here"/koffi.linux-*.node; do
  [ -e "$file" ] || continue
  target=$programs/${file##*/}
  cp "$file" "$target.new" && chmod 644 "$target.new" && mv -f "$target.new" "$target" || exit 1
done
cp "$here/README" "$here/LICENSE" "$documents/" || exit 1
printf '#!/bin/sh\nexec "%s" /usr/local/lib/chrony-tracker/chrony-tracker.cjs "$@"\n' "$node" >"$command.new" &&
  chmod 755 "$command.new" && mv -f "$command.new" "$command" || exit 1
sed -e "s|^User=USER|User=$user|" -e "s|^Group=GROUP|Group=$group|" -e "s|^ExecStart=NODE|ExecStart=$node|" \
  "$here/chrony-tracker.service" >"$unit.new" || exit 1
if [ -n "$udp" ]; then
  # systemd creates a user while the agent runs. No socket below /run is needed.
  sed -e '/^Group=/d' -e '/^ReadWritePaths=/d' -e 's|^User=.*|&\nDynamicUser=yes\nEnvironment=CHRONY_ADDRESS=udp://127.0.0.1:323|' \
    "$unit.new" >"$unit.udp" && mv "$unit.udp" "$unit.new" || exit 1
fi
chmod 644 "$unit.new" && mv -f "$unit.new" "$unit" || exit 1
if [ ! -e "$settings" ]; then
  cp "$here/chrony-tracker.env" "$settings" && chmod 644 "$settings" || exit 1
fi

if uses_systemd; then
  systemctl daemon-reload && systemctl enable chrony-tracker.service && systemctl restart chrony-tracker.service || exit 1
  echo 'Installed and started. Check it: systemctl status chrony-tracker; chrony-tracker status; curl http://127.0.0.1:9464/metrics'
else
  echo "Installed as $user. Now run: systemctl daemon-reload; systemctl enable --now chrony-tracker"
fi
