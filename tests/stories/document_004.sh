# Document 004, "Complete Examples", as printed. A line `#= name` begins each of its commands.
#= example 1 step 1
curl -X POST http://localhost:5009/api/auth/register \
  -H "Content-Type: application/json" \
  -d '{"username": "admin", "email": "admin@example.com", "password": "pass123"}'
#= example 1 step 2
TOKEN=$(curl -X POST http://localhost:5009/api/auth/login \
  -H "Content-Type: application/json" \
  -d '{"username": "admin", "password": "pass123"}' | jq -r '.access_token')
#= example 1 step 3
curl -X POST http://localhost:5009/api/database-master \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"name": "Universal Migration", "service_url": "http://localhost:5010"}'
#= example 1 step 4
curl -X POST http://localhost:5009/api/operations \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "source_id": 1,
    "schedule": "2024-01-15T10:30:00",
    "operation_type": "full",
    "config_data": {
      "source_type": "postgresql",
      "dest_type": "clickhouse",
      "source": {
        "host": "localhost",
        "port": 5432,
        "database": "source_db",
        "username": "postgres",
        "password": "password"
      },
      "destination": {
        "host": "localhost",
        "port": 8123,
        "database": "analytics_db",
        "username": "default",
        "password": "password"
      },
      "operation_type": "full"
    }
  }'
#= example 1 step 5
curl -X GET http://localhost:5009/api/operations/1 \
  -H "Authorization: Bearer $TOKEN"
#= example 2 step 1
curl -X POST http://localhost:5009/api/operations \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "source_id": 1,
    "schedule": "2024-01-01T00:00:00",
    "operation_type": "full",
    "config_data": {
      "source_type": "zoho",
      "dest_type": "postgresql",
      "source": {
        "refresh_token": "your_refresh_token",
        "client_id": "your_client_id",
        "client_secret": "your_client_secret",
        "api_domain": "https://www.zohoapis.com"
      },
      "destination": {
        "host": "localhost",
        "port": 5432,
        "database": "target_db",
        "username": "postgres",
        "password": "password"
      },
      "operation_type": "full"
    }
  }'
#= example 2 step 2
curl -X POST "http://localhost:5009/api/operations/2/execute?force=true" \
  -H "Authorization: Bearer $TOKEN"
#= example 3
curl -X POST http://localhost:5010/migrate \
  -H "Content-Type: application/json" \
  -d '{
    "source_type": "mysql",
    "dest_type": "clickhouse",
    "source": {
      "host": "localhost",
      "port": 3306,
      "database": "source_db",
      "username": "root",
      "password": "password"
    },
    "destination": {
      "host": "localhost",
      "port": 8123,
      "database": "analytics_db",
      "username": "default",
      "password": "password"
    },
    "operation_type": "full"
  }'
