#!/bin/sh
# Prints the path of a Chromium for the browser tests; installs one where the machine allows.
# Prints nothing (and says so on standard error) where none can be had: the tests then fail or
# are reported as not run, never passed over in silence.
set -u
say() { echo "chromium: $*" >&2; }

found() {
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome chrome; do
    [ -n "$name" ] && command -v "$name" && return 0
  done
  return 1
}


found && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  say "none found; installing Debian's chromium and a Chinese font"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-noto-cjk; } >&2 && found && exit 0
fi
if [ -x .venv/bin/playwright ]; then
  say "none found; trying Playwright's own download"
  .venv/bin/playwright install chromium >&2 2>&1 || say "that download did not work here"
  path=$(.venv/bin/python -c 'from playwright.sync_api import sync_playwright as s
with s() as p: print(p.chromium.executable_path)' 2>/dev/null)
  [ -n "$path" ] && [ -x "$path" ] && { echo "$path"; exit 0; }
fi
say "NO CHROMIUM: the browser tests can't run on this machine; set CHROMIUM=/path/to/one"
exit 0
