"""PostgreSQL: engine, transactions, declarative base and the schema's version."""
