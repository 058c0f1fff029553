{{/* Creates the service's databases, its account, and the account's grants on them. */}}
{{- define "conformance-library.db_init" -}}
{{ include "conformance-library.job" (dict "root" . "function" "db_init") }}
{{- end -}}

{{- define "conformance-library.arguments.db_init" -}}
{{- $password := include "conformance-library.secret_env" (dict "root" . "name" "DB_PASSWORD" "secret" "db" "key" "password") -}}
{{- dict
  "command" (list "python3" "/scripts/db_init.py")
  "scripts" (list "db_init.py" "db_server.py")
  "secrets" (list "db" "db-admin")
  "database" true
  "env" (printf "%s\n%s" (include "conformance-library.database_env" . | trim) $password)
  "jobs" list
  "services" (include "conformance-library.database_service" . | fromJsonArray)
  | toJson -}}
{{- end -}}
