"""The loop on labels that are there already: what would choosing have bought, against chance?"""

from training.simulation.chain import run_chain
from training.simulation.curves import draw_budgets
from training.simulation.plan import LoopPlan, Strategy
from training.simulation.rounds import RoundResult
from training.simulation.stock import Stock, open_stock

__all__ = [
    "LoopPlan",
    "RoundResult",
    "Stock",
    "Strategy",
    "draw_budgets",
    "open_stock",
    "run_chain",
]
