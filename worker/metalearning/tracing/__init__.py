"""Any network's gradients and Hessian-vector products as graphs that run without Python.

`routes` replaces operations that batch badly or have no second derivative, `graphs` records and
cleans what is left, `formulation` is the engine's formulation over such graphs.
"""
