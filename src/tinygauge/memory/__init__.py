"""RAM and flash that a model needs on a target: the tensor arena to the byte, and all around it.

`predict_memory` answers for a core and an engine; `plan_arena` gives the arena alone, with its
head, its tail and the place of every tensor.
"""

from tinygauge.memory.arena import Arena, plan_arena
from tinygauge.memory.predict import predict_memory

__all__ = ["Arena", "plan_arena", "predict_memory"]
