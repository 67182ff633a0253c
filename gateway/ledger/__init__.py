"""The budget ledger: who pays, what was reserved and spent, and the alerts of crossed thresholds."""
