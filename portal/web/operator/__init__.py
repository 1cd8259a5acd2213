"""The pages of admins and auditors: stores, lineage, orders, recipients, accounts, the log."""
