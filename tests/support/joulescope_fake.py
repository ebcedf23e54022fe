"""A fake of `pyjoulescope_driver.Driver`: topics in, blocks of samples of a scene out.

The wire itself is USB with the maker's own firmware protocol, so this is as low as a fake can be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.support.scene import Scene

_FULL_HZ = 1_000_000
_BLOCK = 1000
Handler = Callable[[str, dict[str, Any]], None]


class JoulescopeFake:
    """Publishes the scene when the last stream is switched on.

    Parameters
    ----------
    scene : Scene
    paths : tuple of str
        Instruments that are plugged in.
    drop_block : int or None
        A block that never comes.
    bad : range
        Samples that the instrument could not give.
    gone : str
        A topic upon which the driver fails.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        paths: tuple[str, ...] = ("u/js220/000123",),
        drop_block: int | None = None,
        bad: range = range(0),
        gone: str = "",
    ) -> None:
        self.scene, self.paths = scene, paths
        self.drop_block, self.bad, self.gone = drop_block, bad, gone
        self.published: dict[str, Any] = {}
        self.finalized = False
        self._handlers: dict[str, Handler] = {}

    def device_paths(self) -> list[str]:
        """List the instruments."""
        return list(self.paths)

    def open(self, path: str, mode: str) -> None:
        """Open one."""
        self.published[f"{path}/open"] = mode

    def close(self, path: str) -> None:
        """Close one."""
        self.published[f"{path}/open"] = None

    def finalize(self) -> None:
        """Let go of the driver."""
        self.finalized = True

    def subscribe(self, topic: str, _flags: list[str], handler: Handler) -> None:
        """Keep a subscription."""
        self._handlers[topic] = handler

    def unsubscribe(self, topic: str, _handler: Handler) -> None:
        """End it."""
        del self._handlers[topic]

    def publish(self, topic: str, value: Any) -> None:
        """Take a setting; the last stream's switch sends everything."""
        if self.gone and topic.endswith(self.gone):
            raise RuntimeError("jsdrv_publish timed out")
        self.published[topic] = value
        streams = [each.removesuffix("!data") + "ctrl" for each in self._handlers]
        if value == 1 and all(self.published.get(each) == 1 for each in streams):
            for each, handler in list(self._handlers.items()):
                self._send(each, handler)

    def _send(self, topic: str, handler: Handler) -> None:
        path = topic.split("/s/", maxsplit=1)[0]
        rate_hz = int(self.published[f"{path}/h/fs"])
        factor = _FULL_HZ // rate_hz
        samples = self._samples(topic, rate_hz)
        for number, first in enumerate(range(0, len(samples), _BLOCK)):
            if number == self.drop_block:
                continue
            block = samples[first : first + _BLOCK]
            if "/gpi/" in topic:
                block = np.packbits(block, bitorder="little")
            handler(
                topic,
                {
                    "sample_id": (first + 77) * factor,
                    "decimate_factor": factor,
                    "sample_rate": _FULL_HZ,
                    "data": block,
                },
            )

    def _samples(self, topic: str, rate_hz: int) -> Any:
        if "/gpi/" in topic:
            return self.scene.pin(rate_hz)
        power_w = self.scene.power_w(rate_hz)
        if "/s/v/" in topic:
            return np.full(len(power_w), self.scene.supply_v, dtype=np.float32)
        current_a = (power_w / self.scene.supply_v).astype(np.float32)
        current_a[self.bad.start : self.bad.stop] = np.nan
        return current_a
