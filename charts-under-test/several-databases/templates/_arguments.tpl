{{/* The service's account only, without the administrator's. */}}
{{- define "several-databases.env" -}}
{{- $keys := dict "DB_HOST" "host" "DB_PORT" "port" "DB_NAMES" "names" "DB_USER" "username" "DB_PASSWORD" "password" -}}
{{- include "conformance-library.secret_envs" (dict "root" . "secret" "db" "keys" $keys) }}
{{- include "conformance-library.database_ca_env" . }}
{{- end -}}

{{/* Overrides the library's template: the service migrates its schema with a script, and mounts no configuration. */}}
{{- define "conformance-library.arguments.db_sync" -}}
{{- dict
  "command" (list "python3" "/scripts/db_sync.py")
  "scripts" (list "db_sync.py" "db_server.py")
  "secrets" (list "db")
  "database" true
  "env" (include "several-databases.env" . | trim)
  "jobs" (list "db_init")
  "services" (include "conformance-library.database_service" . | fromJsonArray)
  | toJson -}}
{{- end -}}
