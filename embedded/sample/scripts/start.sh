#!/bin/sh
# Runs at every start: begins the notebook in the background and waits until it listens.
set -eu
mkdir -p data
if ! command -v node > /dev/null; then
  echo "There is no node here, so the notebook does not run; everything else works."
  exit 0
fi
rm -f data/notebook.log
nohup node notebook.mjs < /dev/null > data/notebook.log 2>&1 &
echo $! > data/notebook.pid
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  if grep listens data/notebook.log; then exit 0; fi
  if ! kill -0 "$(cat data/notebook.pid)" 2> /dev/null; then break; fi
  sleep 0.25
done
echo "The notebook did not come up:" >&2
cat data/notebook.log >&2
exit 1
