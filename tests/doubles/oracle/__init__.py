"""A recording Oracle Database: every statement and its binds are kept, answers are scripted, errors are raised."""

from tests.doubles.oracle.recording import RecordingConnection, RecordingPool, Statement, oracle_error

__all__ = ["RecordingConnection", "RecordingPool", "Statement", "oracle_error"]
