{{/* Registers the service in the service catalog. */}}
{{- define "conformance-library.ks_service" -}}
{{ include "conformance-library.job" (dict "root" . "function" "ks_service") }}
{{- end -}}

{{- define "conformance-library.arguments.ks_service" -}}
{{- $keys := dict "SERVICE_TYPE" "type" "SERVICE_NAME" "name" -}}
{{- if .Values.identity.additional_services }}{{ $_ := set $keys "MORE_SERVICES" "more" }}{{ end -}}
{{- $env := include "conformance-library.secret_envs" (dict "root" . "secret" "identity-service" "keys" $keys) | trim -}}
{{- dict
  "command" (list "python3" "/scripts/ks_service.py")
  "scripts" (list "ks_service.py" "ks_api.py")
  "secrets" (list "identity-admin" "identity-service")
  "env" (printf "%s\n%s" (include "conformance-library.identity_env" . | trim) $env)
  "jobs" list
  "services" (include "conformance-library.identity_services" . | fromJsonArray)
  | toJson -}}
{{- end -}}
