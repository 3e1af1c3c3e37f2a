"""A real Prefect server that answers so many requests about artifacts with 500: python server_with_faults.py PORT N."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from prefect.server.api.server import create_app


class Faults:
    """Between the web server and Prefect."""

    def __init__(self, app: Any, number: int) -> None:
        self.app, self.left = app, number

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/artifacts/") and self.left:
            self.left -= 1
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"out of order"})
        else:
            await self.app(scope, receive, send)


if __name__ == "__main__":
    uvicorn.run(Faults(create_app(), int(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
