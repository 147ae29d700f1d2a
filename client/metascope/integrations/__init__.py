"""Metascope inside training frameworks, a module for each; none is imported unless it is asked for.

from metascope.integrations.lightning import MetascopeLogger
from metascope.integrations.keras import MetascopeCallback
from metascope.integrations.tensorflow import capture_summaries
from metascope.integrations.sklearn import autolog
from metascope.integrations.xgboost import MetascopeCallback
from metascope.integrations.lightgbm import MetascopeCallback
from metascope.integrations.transformers import MetascopeCallback
"""
