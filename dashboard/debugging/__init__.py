"""What helps to find out why a run went wrong: first bad values, spikes, what was then."""
