"""The meta-learning engine: episodes, networks, algorithms, training and evaluation."""
