"""CRM Workbook: six notebooks that turn a client's files into a report, lists and next period's parameters."""

__version__ = "0.1.0"
