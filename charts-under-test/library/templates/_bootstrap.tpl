{{/* Creates what the service needs before it can start, with the service's own program. */}}
{{- define "conformance-library.bootstrap" -}}
{{ include "conformance-library.job" (dict "root" . "function" "bootstrap") }}
{{- end -}}

{{- define "conformance-library.arguments.bootstrap" -}}
{{- $env := include "conformance-library.identity_env" . | trim -}}
{{- $role := include "conformance-library.secret_env" (dict "root" . "name" "OS_ROLE_NAME" "secret" "identity-admin" "key" "role") -}}
{{- dict
  "command" (list "/bin/sh" "/scripts/bootstrap.sh")
  "scripts" (list "bootstrap.sh")
  "secrets" (list "etc" "identity-admin")
  "service" true
  "env" (printf "%s\n%s" $env $role)
  "jobs" (list "db_sync")
  "services" (include "conformance-library.database_service" . | fromJsonArray)
  | toJson -}}
{{- end -}}
