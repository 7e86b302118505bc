"""Plays an office through days or years: the living example, and simulated years with their invariants."""

from duban.simulate.faults import Faults
from duban.simulate.invariants import INVARIANTS, Violation
from duban.simulate.people import BEHAVIOURS, EXAMPLE, IDLE, YEARS
from duban.simulate.play import Played, simulate, simulate_years
from duban.simulate.world import fresh_home

__all__ = [
    "BEHAVIOURS",
    "EXAMPLE",
    "IDLE",
    "INVARIANTS",
    "YEARS",
    "Faults",
    "Played",
    "Violation",
    "fresh_home",
    "simulate",
    "simulate_years",
]
