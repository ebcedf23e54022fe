"""A fake Otii server on loopback: JSON requests and answers, each ended by CR LF, one recording."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

from tests.support.scene import Scene

_RATE_HZ = {"mc": 4000, "mv": 1000}


class OtiiFake:
    """Serves one client at a time.

    Parameters
    ----------
    scene : Scene
    names : tuple of str
        Instruments that it has.
    licence : bool
        Whether a licence for automation is free.
    silent : str
        A command upon which it closes the connection.
    short : int
        Samples that are missing from the answer.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        names: tuple[str, ...] = ("Bench Arc",),
        licence: bool = True,
        silent: str = "",
        short: int = 0,
    ) -> None:
        self.scene, self.names = scene, names
        self.licence, self.silent, self.short = licence, silent, short
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Put the fake away."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(2)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, contextlib.suppress(ConnectionError):
                    self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        hello = {"type": "information", "info": "connected", "data": {"protocol_version": "0.1"}}
        self._send(client, hello)
        with client.makefile("rb") as lines:
            for line in lines:
                request = json.loads(line)
                name = request["cmd"]
                self.requests.append((name, request.get("data", {})))
                if name == self.silent:
                    return
                answer = {"type": "response", "cmd": name, "trans_id": request["trans_id"]}
                self._send(client, answer | {"data": self._answer(name, request.get("data", {}))})

    def _send(self, client: socket.socket, message: dict[str, Any]) -> None:
        client.sendall(json.dumps(message).encode() + b"\r\n")

    def _answer(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        if name == "otii_get_devices":
            found = [
                {"device_id": f"Arc{k}", "name": each, "type": "Arc"}
                for k, each in enumerate(self.names)
            ]
            return {"devices": found}
        fixed: dict[str, dict[str, Any]] = {
            "otii_is_logged_in": {"logged_in": True},
            "otii_get_licenses": {
                "licenses": [
                    {"id": 7, "type": "Automation", "available": self.licence, "reserved_to": ""}
                ]
            },
            "otii_get_active_project": {"project_id": 3},
            "project_get_last_recording": {"recording_id": 5, "name": "Recording 1"},
        }
        if name == "recording_get_channel_data_count":
            return {"count": len(self._values(data["channel"]))}
        if name == "recording_get_channel_data":
            return self._channel(data)
        return fixed.get(name, {})

    def _values(self, channel: str) -> list[Any]:
        if channel == "i1":
            falls = [{"timestamp": mark + 1.5, "value": False} for mark in self.scene.marks_s]
            rises = [{"timestamp": mark + 1.501, "value": True} for mark in self.scene.marks_s]
            first = [{"timestamp": 0.0, "value": True}]
            return sorted([*first, *falls, *rises], key=lambda each: each["timestamp"])
        power_w = self.scene.power_w(_RATE_HZ[channel])
        if channel == "mv":
            return [self.scene.supply_v] * len(power_w)
        return [float(each) for each in power_w / self.scene.supply_v]

    def _channel(self, data: dict[str, Any]) -> dict[str, Any]:
        channel, first = data["channel"], data["index"]
        values = self._values(channel)[first : first + data["count"]]
        if channel == "i1":
            return {"data_type": "digital", "values": values}
        # The recording began 1.5 s after the program's zero.
        return {
            "data_type": "analog",
            "timestamp": 1.5,
            "interval": 1 / _RATE_HZ[channel],
            "values": values[: len(values) - self.short],
        }
