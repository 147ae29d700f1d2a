"""Optimizers, learned and made by hand: the functions they minimise, their rules, and how they are
tried."""
