#!/bin/sh
# Runs once, when the environment is created.
set -eu
mkdir -p data
echo "Welcome to ${EASEL_ENVIRONMENT:-your environment}" >> data/notes.txt
echo "The first note is written."
