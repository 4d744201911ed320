-- Sample data for compose.yaml: something to back up, and to find again after a restore.
CREATE TABLE customer (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL,
	since date NOT NULL
);

CREATE TABLE purchase (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	customer_id integer NOT NULL REFERENCES customer,
	amount numeric(10, 2) NOT NULL CHECK (amount > 0),
	at timestamptz NOT NULL
);

INSERT INTO customer (name, since)
SELECT 'customer ' || n, date '2020-01-01' + n
FROM generate_series(1, 1000) AS n;

INSERT INTO purchase (customer_id, amount, at)
SELECT 1 + n % 1000, 1 + n % 500, timestamptz '2024-01-01 00:00Z' + n * interval '7 minutes'
FROM generate_series(1, 100000) AS n;

CREATE INDEX ON purchase (customer_id);
