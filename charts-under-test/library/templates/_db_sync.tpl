{{/* Migrates the schema, with the service's own program and configuration. */}}
{{- define "conformance-library.db_sync" -}}
{{ include "conformance-library.job" (dict "root" . "function" "db_sync") }}
{{- end -}}

{{- define "conformance-library.arguments.db_sync" -}}
{{- dict
  "command" (list "/bin/sh" "/scripts/db_sync.sh")
  "scripts" (list "db_sync.sh")
  "secrets" (list "etc")
  "service" true
  "env" ""
  "jobs" (list "db_init")
  "services" (include "conformance-library.database_service" . | fromJsonArray)
  | toJson -}}
{{- end -}}
