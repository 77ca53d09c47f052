"""A server on this machine that speaks S3, for tests, and another machine's view of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything", "AWS_REGION": "us-east-1"}


class Buckets:
    """Fresh buckets, until the server is stopped."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else each request is told of
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.environment = KEYS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
        self._count = 0

    def new(self, monkeypatch: pytest.MonkeyPatch, copies: Path) -> str:
        """Return the address of an empty store, which opens in this process from now on."""
        import boto3

        self.see(monkeypatch, copies)
        self._count += 1
        boto3.client("s3").create_bucket(Bucket=f"bucket{self._count}")
        return f"s3://bucket{self._count}/store"

    def see(self, monkeypatch: pytest.MonkeyPatch, copies: Path) -> None:
        """Let this process be a machine that keeps its copies in a folder."""
        for name, value in (self.environment | {"N2S_COPIES": str(copies)}).items():
            monkeypatch.setenv(name, value)

    def __enter__(self) -> Buckets:
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.stop()
