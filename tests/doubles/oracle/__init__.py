"""A double of Oracle Database: it records every statement with its binds and returns scripted rows or errors."""

from tests.doubles.oracle.errors import oracle_error
from tests.doubles.oracle.recording import RecordingConnection, RecordingPool, Statement

__all__ = ["RecordingConnection", "RecordingPool", "Statement", "oracle_error"]
