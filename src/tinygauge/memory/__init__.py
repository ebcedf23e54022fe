"""RAM and flash that a model needs on a target: the tensor arena to the byte, and all around it.

`predict_memory` answers for a core and an engine; `plan_arena` gives the arena alone, with its
head, its tail and the place of every tensor; `find_savings` tells what could be less.
"""

from tinygauge.memory.arena import Arena, plan_arena
from tinygauge.memory.predict import ENGINES, ISA, predict_memory
from tinygauge.memory.savings import find_savings

__all__ = ["ENGINES", "ISA", "Arena", "find_savings", "plan_arena", "predict_memory"]
