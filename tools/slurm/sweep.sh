#!/usr/bin/env bash
# A sweep as a Slurm job array: each task runs one shard.
#
#   sbatch --array=1-8 tools/slurm/sweep.sh my.textproto shards
#   gridlock sweep status shards/*
#   gridlock sweep merge my.textproto shards/* -o results
#
# A task that was cut short goes on where it stopped when it is submitted again.
#SBATCH --job-name=gridlock
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
set -euo pipefail

if [ "$#" != 2 ] || [ -z "${SLURM_ARRAY_TASK_ID:-}" ] || [ -z "${SLURM_ARRAY_TASK_COUNT:-}" ]; then
  echo "usage: sbatch --array=1-COUNT $0 SWEEP_FILE FOLDER" >&2
  exit 2
fi
if [ "${SLURM_ARRAY_TASK_MIN:-1}" != 1 ]; then
  echo "$0: the array begins at $SLURM_ARRAY_TASK_MIN; expected --array=1-COUNT" >&2
  exit 2
fi
exec gridlock sweep "$1" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
  -o "$2/$SLURM_ARRAY_TASK_ID" --jobs "${SLURM_CPUS_PER_TASK:-1}" --resume --quiet
