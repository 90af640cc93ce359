#!/bin/sh
# Runs before the environment stops.
if [ -f data/notebook.pid ]; then
  kill "$(cat data/notebook.pid)" 2> /dev/null
  rm -f data/notebook.pid
fi
echo "The notebook is closed."
