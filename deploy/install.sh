#!/bin/sh
# Install or upgrade on a Debian server, as root, from a checkout: sh deploy/install.sh
#
# Makes the user `review`, /opt/review-service with its own virtual environment (locked with
# hashes), /etc/review-service/environment, /var/lib/review-service (0700), the systemd units, the
# command `review-service`, and a database where PostgreSQL runs on this machine. Never overwrites
# settings, keys or data. The first run stops before the log begins, for its name is set for good;
# set REVIEW_ORIGIN and run it again. An upgrade backs up first; how to roll back:
# docs/operations.md.
#
#   DESTDIR=…   install below another root, for a look or a package: no user, no database, no start
#   START=no    stop before the log begins, for a restore
set -eu
umask 022  # the service must be able to read what root installs

SOURCE=$(cd "$(dirname "$0")/.." && pwd)
DESTDIR=${DESTDIR:-}
PYTHON=${PYTHON:-$(command -v python3.11 || command -v python3)}
APP=$DESTDIR/opt/review-service
ETC=$DESTDIR/etc/review-service
DATA=$DESTDIR/var/lib/review-service
BACKUPS=$DESTDIR/var/backups/review-service
UNITS=$DESTDIR/etc/systemd/system
COMMAND=$DESTDIR/usr/local/sbin/review-service

say() { printf '%s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
for_real() { [ -z "$DESTDIR" ]; }
begun() { [ -e "$DATA/log.key" ]; }  # whether the log has begun: its key is made then

for_real && [ "$(id -u)" != 0 ] && fail "must run as root (or set DESTDIR)"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "needs Python 3.11 or later"

if for_real && ! id review >/dev/null 2>&1; then
  useradd --system --home-dir /var/lib/review-service --shell /usr/sbin/nologin review
fi

install -d -m 0755 "$APP" "$ETC" "$UNITS"
install -d -m 0700 "$DATA" "$BACKUPS"
for_real && chown review:review "$DATA" "$BACKUPS"

if [ ! -e "$ETC/environment" ]; then
  install -m 0640 "$SOURCE/deploy/environment.example" "$ETC/environment"
  for_real && chown root:review "$ETC/environment"
  say "made $ETC/environment"
fi
install -D -m 0755 "$SOURCE/deploy/review-service" "$COMMAND"

# An upgrade: back up with the version that runs, and keep its environment beside the new one. A
# run that was cut off left the mark: what is in venv then is no version that ever ran.
MARK=$APP/upgrading
if for_real && [ -e "$MARK" ]; then
  say "going on with the upgrade that was cut off; $(cat "$MARK")"
elif for_real && begun && [ -x "$APP/venv/bin/review-service" ] && [ -x "$APP/venv/bin/python" ]; then
  backup=/var/backups/review-service/upgrade-$(date -u +%Y%m%dT%H%M%SZ).backup
  "$COMMAND" backup "$backup"
  systemctl stop review-work review-service
  printf 'backed up to %s; venv.previous is the old version' "$backup" >"$MARK"
  rm -rf "$APP/venv.previous"
  mv "$APP/venv" "$APP/venv.previous"
  cat "$MARK"; say
fi

# The environment is made where it will run: its scripts name their place.
TOOLS=$(mktemp -d)
trap 'rm -rf "$TOOLS"' EXIT
"$PYTHON" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
  --require-hashes --target "$TOOLS" -r "$SOURCE/tools/uv.txt"
UV=$TOOLS/bin/uv
export UV_PYTHON_DOWNLOADS=never UV_NATIVE_TLS=1
[ -x "$APP/venv/bin/python" ] || "$UV" venv --quiet --python "$PYTHON" "$APP/venv"
# What is built from source is built with tools of known hashes too.
set -- --quiet --python "$APP/venv/bin/python" \
  --require-build-hashes --build-constraints "$SOURCE/tools/build.txt"
"$UV" pip sync "$@" --require-hashes "$SOURCE/deploy/requirements.lock"
"$UV" pip install "$@" --no-deps --reinstall "$SOURCE"
# Compiled catalogues are not in the source.
PACKAGE=$(cd / && "$APP/venv/bin/python" -c \
  'import pathlib, review_service as r; print(pathlib.Path(r.__file__).parent)')
"$APP/venv/bin/python" -m babel.messages.frontend --quiet compile -d "$PACKAGE/translations"
install -d -m 0755 "$APP/deploy/pages"
install -m 0644 "$SOURCE/deploy/gunicorn.conf.py" "$APP/deploy/gunicorn.conf.py"
install -m 0644 "$SOURCE"/deploy/pages/*.html "$APP/deploy/pages/"
install -m 0644 "$SOURCE"/deploy/systemd/review-* "$UNITS/"

if ! for_real; then
  say "installed below $DESTDIR; no user, database or service was touched"
  exit 0
fi

# A database on this machine, where the settings ask for one by its local socket.
as_postgres() { (cd / && runuser -u postgres -- "$@"); }
case $(. "$ETC/environment" && printf %s "${REVIEW_DATABASE:-}${REVIEW_DATABASE_FILE:-}") in
postgresql+psycopg:///review\?host=/var/run/postgresql)
  command -v createdb >/dev/null || fail "the settings name PostgreSQL on this machine, and there is\
 none: apt install postgresql, or set REVIEW_DATABASE in $ETC/environment (empty: SQLite)"
  as_postgres psql -qtAc "SELECT 1" >/dev/null 2>&1 || fail "PostgreSQL does not answer on its local\
 socket: start it and run this again"
  as_postgres psql -qtAc "SELECT 1 FROM pg_roles WHERE rolname = 'review'" | grep -q 1 ||
    as_postgres createuser review
  as_postgres psql -qtAc "SELECT 1 FROM pg_database WHERE datname = 'review'" | grep -q 1 ||
    as_postgres createdb --owner review --encoding UTF8 --template template0 review
  ;;
esac

systemctl daemon-reload
if ! begun && { [ "${START:-yes}" = no ] || grep -q '^REVIEW_ORIGIN=review\.example$' "$ETC/environment"; }; then
  say "installed; nothing was started and no log has begun. Next: set REVIEW_ORIGIN (the log's name,\
 for good), REVIEW_HOSTS and REVIEW_BACKUP_RECIPIENTS in $ETC/environment. Then run this again, or\
 review-service restore"
  exit 0
fi

"$COMMAND" migrate
systemctl enable --now review-service review-work review-backup.timer
rm -f "$MARK"
"$COMMAND" check || say "the lines above name what is still missing"
say "the pages listen on REVIEW_BIND; deploy/nginx.conf.example shows TLS in front of them"
