#!/bin/sh
# Stands in for `claude`: tells when it was started, then speaks as much of the protocol as is asked.
[ "$1" = --version ] && { echo "2.1.329 (Claude Code)"; exit; }
echo started >"$0.events"
exec python3 -IS "$0.py" "$0.events" "$@"
