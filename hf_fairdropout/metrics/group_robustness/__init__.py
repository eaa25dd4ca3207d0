"""The metric module that `evaluate.load(GROUP_ROBUSTNESS)` reads."""
