"""All that imports TensorFlow; runs in the training process and nowhere else."""
