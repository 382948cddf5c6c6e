"""Thirty changes of schema, fifteen of Sakila and fifteen of Chinook: what somebody who keeps them would ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """`down` "" where the way back is to be found."""

    name: str
    up: str
    down: str = ""


SAKILA = (
    Wanted("add_loyalty_points", "ALTER TABLE customer ADD COLUMN loyalty_points integer;"),
    Wanted("index_last_update", "CREATE INDEX CONCURRENTLY rental_return_idx ON rental (return_date);"),
    Wanted("unique_category", "ALTER TABLE category ADD CONSTRAINT category_name_key UNIQUE (name);"),
    Wanted(
        "check_length",
        "ALTER TABLE film ADD CONSTRAINT film_length_check CHECK (length > 0) NOT VALID;"
        "\nALTER TABLE film VALIDATE CONSTRAINT film_length_check;",
    ),
    Wanted(
        "email_not_null",
        "ALTER TABLE customer ADD CONSTRAINT email_there CHECK (email IS NOT NULL) NOT VALID;"
        "\nALTER TABLE customer VALIDATE CONSTRAINT email_there;"
        "\nALTER TABLE customer ALTER COLUMN email SET NOT NULL;"
        "\nALTER TABLE customer DROP CONSTRAINT email_there;",
    ),
    Wanted(
        "view_replaced",
        "CREATE OR REPLACE VIEW staff_list AS SELECT s.staff_id AS id,"
        " ((s.first_name || ' ') || s.last_name) AS name, a.address, a.postal_code AS \"zip code\", a.phone,"
        " city.city, country.country, s.store_id AS sid, s.active FROM staff s JOIN address a USING (address_id)"
        " JOIN city USING (city_id) JOIN country USING (country_id);",
    ),
    Wanted(
        "function_replaced",
        "CREATE OR REPLACE FUNCTION last_day(timestamp without time zone) RETURNS date"
        " LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT (date_trunc('month', $1)"
        " + interval '1 month - 1 day')::date; $$;",
    ),
    Wanted(
        "rating_added",
        "ALTER TYPE mpaa_rating ADD VALUE 'NR' AFTER 'NC-17';",
        "COMMENT ON TYPE mpaa_rating IS 'NR stays, unused';",
    ),
    Wanted("moods", "CREATE TYPE mood AS ENUM ('light', 'dark');\nALTER TABLE film ADD COLUMN mood mood;"),
    Wanted(
        "audit_rentals",
        """CREATE TABLE rental_log (id bigserial PRIMARY KEY, rental_id integer NOT NULL);
CREATE FUNCTION log_rental() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO rental_log (rental_id) VALUES (NEW.rental_id);  -- a semicolon; in a body
  RETURN NEW;
END $$;
CREATE TRIGGER rental_logged AFTER INSERT ON rental FOR EACH ROW EXECUTE FUNCTION log_rental();""",
    ),
    Wanted(
        "sales_by_day",
        "CREATE MATERIALIZED VIEW sales_by_day AS SELECT payment_date::date AS day,"
        " sum(amount) AS total FROM payment GROUP BY 1;",
    ),
    Wanted("payment_currency", "ALTER TABLE payment ADD COLUMN currency text;"),
    Wanted(
        "payment_backfill",
        "UPDATE payment SET currency = 'USD' WHERE currency IS NULL;",
        "UPDATE payment SET currency = NULL;",
    ),
    Wanted("films_documented", "COMMENT ON TABLE film IS 'What can be rented';\nGRANT SELECT ON film TO reporting;"),
    Wanted("fulltext_dropped", "DROP INDEX CONCURRENTLY idx_title;"),
)

CHINOOK = (
    Wanted("rename_fax", "ALTER TABLE customer RENAME COLUMN fax TO telefax;"),
    Wanted("rename_media_type", "ALTER TABLE media_type RENAME TO medium;"),
    Wanted(
        "total_is_wider",
        "ALTER TABLE invoice ALTER COLUMN total TYPE numeric(14,2);",
        "ALTER TABLE invoice ALTER COLUMN total TYPE numeric(10,2);",
    ),
    Wanted("milliseconds_bigint", "ALTER TABLE track ALTER COLUMN milliseconds TYPE bigint;"),
    Wanted("quantity_default", "ALTER TABLE invoice_line ALTER COLUMN quantity SET DEFAULT 1;"),
    Wanted(
        "favourites",
        "CREATE TABLE favourite (customer_id int NOT NULL, track_id int NOT NULL,"
        " PRIMARY KEY (customer_id, track_id));",
    ),
    Wanted(
        "favourites_fk",
        "ALTER TABLE favourite ADD CONSTRAINT favourite_track_fkey FOREIGN KEY (track_id)"
        " REFERENCES track (track_id) NOT VALID;"
        "\nALTER TABLE favourite VALIDATE CONSTRAINT favourite_track_fkey;",
    ),
    Wanted("fax_dropped", "ALTER TABLE employee DROP COLUMN fax;", "ALTER TABLE employee ADD COLUMN fax varchar(24);"),
    Wanted(
        "plays",
        "CREATE TABLE play (track_id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);"
        "\nCREATE TABLE play_2025 PARTITION OF play FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    ),
    Wanted("plays_2026", "CREATE TABLE play_2026 PARTITION OF play FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"),
    Wanted(
        "ticket_numbers", "CREATE SEQUENCE ticket START 100 INCREMENT 5 OWNED BY NONE;\nALTER SEQUENCE ticket CACHE 10;"
    ),
    Wanted(
        "playlists_in_a_block",
        """DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'playlist' AND column_name = 'public')
  THEN ALTER TABLE playlist ADD COLUMN public boolean NOT NULL DEFAULT true;
  END IF;
END $$;""",
        "ALTER TABLE playlist DROP COLUMN public;",
    ),
    Wanted(
        "several_at_once",
        "ALTER TABLE artist ADD COLUMN country text, ADD COLUMN founded int;"
        "\nCREATE INDEX CONCURRENTLY artist_country_idx ON artist (country) WHERE country IS NOT NULL;"
        "\nCREATE UNIQUE INDEX CONCURRENTLY genre_name_idx ON genre (name);"
        "\nCOMMENT ON COLUMN artist.founded IS 'A year';",
    ),
    Wanted(
        "countries_backfilled",
        "UPDATE artist SET country = 'unknown' WHERE artist_id % 2 = 0;",
        "UPDATE artist SET country = NULL;",
    ),
    Wanted(
        "album_view",
        "CREATE VIEW album_length AS SELECT album_id, sum(milliseconds) AS milliseconds FROM track"
        " GROUP BY album_id;\nGRANT SELECT ON album_length TO reporting;",
    ),
)
