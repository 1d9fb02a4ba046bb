"""The kernels against torch.nn and, where they are installed, other libraries: checked and timed side by side in one run."""
