#!/bin/sh
# Install or upgrade on a Debian server, as root, from a checkout: sh deploy/install.sh
#
# Makes the user `review`, /opt/review-service with its own virtual environment (locked with
# hashes), /etc/review-service/environment, /var/lib/review-service (0700), the systemd units, and
# a database where PostgreSQL runs on this machine. Never overwrites settings, keys or data. An
# upgrade backs up first; how to roll back: docs/operations.md.
#
#   DESTDIR=…   install below another root, for a look or a package: no user, no database, no start
set -eu

SOURCE=$(cd "$(dirname "$0")/.." && pwd)
DESTDIR=${DESTDIR:-}
PYTHON=${PYTHON:-$(command -v python3.11 || command -v python3)}
APP=$DESTDIR/opt/review-service
ETC=$DESTDIR/etc/review-service
DATA=$DESTDIR/var/lib/review-service
BACKUPS=$DESTDIR/var/backups/review-service
UNITS=$DESTDIR/etc/systemd/system

say() { printf '%s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
for_real() { [ -z "$DESTDIR" ]; }

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
  say "made $ETC/environment: set REVIEW_ORIGIN and REVIEW_BACKUP_RECIPIENTS in it"
fi

as_review() { # a command of the service, with its settings, as its user
  runuser -u review -- sh -c 'set -a; . /etc/review-service/environment; set +a; cd /; exec "$@"' \
    sh "$@"
}

# An upgrade: back up with the version that runs, and keep its environment beside the new one. A
# run that was cut off left the mark: what is in venv then is no version that ever ran.
MARK=$APP/upgrading
if for_real && [ -e "$MARK" ]; then
  say "going on with the upgrade that was cut off; $(cat "$MARK")"
elif for_real && [ -x "$APP/venv/bin/review-service" ] && [ -x "$APP/venv/bin/python" ]; then
  backup=/var/backups/review-service/upgrade-$(date -u +%Y%m%dT%H%M%SZ).backup
  as_review "$APP/venv/bin/review-service" backup "$backup"
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
"$UV" pip sync --quiet --python "$APP/venv/bin/python" --require-hashes "$SOURCE/requirements.lock"
"$UV" pip install --quiet --python "$APP/venv/bin/python" --no-deps --reinstall "$SOURCE"
# Compiled catalogues are not in the source; they belong beside the installed ones.
"$APP/venv/bin/python" "$SOURCE/tools/messages.py" compile
PACKAGE=$(cd / && "$APP/venv/bin/python" -c \
  'import pathlib, review_service as r; print(pathlib.Path(r.__file__).parent)')
for catalogue in "$SOURCE"/review_service/translations/*/LC_MESSAGES/messages.mo; do
  install -m 0644 "$catalogue" "$PACKAGE/${catalogue#"$SOURCE"/review_service/}"
done
install -d -m 0755 "$APP/deploy"
install -m 0644 "$SOURCE/deploy/gunicorn.conf.py" "$APP/deploy/gunicorn.conf.py"
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

as_review "$APP/venv/bin/review-service" migrate
systemctl daemon-reload
systemctl enable --now review-service review-work review-backup.timer
rm -f "$MARK"
as_review "$APP/venv/bin/review-service" check || say "the lines above name what is still missing"
say "the pages listen on REVIEW_BIND; deploy/nginx.conf.example shows TLS in front of them"
