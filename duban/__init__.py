"""Duban (督办): the engine that makes a division-of-labour matrix happen."""

__version__ = "0.1.0"
