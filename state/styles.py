"""The lengths and forms of an answer, for the context, the surfaces and the command line. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

Length = Literal["brief", "standard", "deep"]
Form = Literal["answer", "report", "table", "steps"]
