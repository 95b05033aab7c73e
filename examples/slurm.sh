#!/bin/bash
# A training on two machines with eight GPUs each: sbatch slurm.sh. Before its time is up it saves, goes back into the
# queue, and goes on; --continue is --resume where there is something to resume. `runs` lies where all machines see it.
#SBATCH --job-name=rnnzoo
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=4
#SBATCH --time=12:00:00
#SBATCH --signal=USR1@90
#SBATCH --requeue
#SBATCH --open-mode=append

srun rnnzoo train "${RECIPE:-char-lstm.tinyshakespeare}" hardware/slurm --continue
code=$?
if [ "$code" -eq 143 ]; then # saved and stopped, as SIGUSR1 asks for
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
