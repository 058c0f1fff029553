{{/* Registers the service's URLs in the service catalog. */}}
{{- define "conformance-library.ks_endpoints" -}}
{{ include "conformance-library.job" (dict "root" . "function" "ks_endpoints") }}
{{- end -}}

{{- define "conformance-library.arguments.ks_endpoints" -}}
{{- $keys := dict "SERVICE_TYPE" "type" "SERVICE_NAME" "name" "SERVICE_URLS" "urls" -}}
{{- if .Values.identity.additional_services }}{{ $_ := set $keys "MORE_SERVICES" "more" }}{{ end -}}
{{- $env := include "conformance-library.secret_envs" (dict "root" . "secret" "identity-service" "keys" $keys) | trim -}}
{{- dict
  "command" (list "python3" "/scripts/ks_endpoints.py")
  "scripts" (list "ks_endpoints.py" "ks_api.py")
  "secrets" (list "identity-admin" "identity-service")
  "env" (printf "%s\n%s" (include "conformance-library.identity_env" . | trim) $env)
  "jobs" (list "ks_service")
  "services" (include "conformance-library.identity_services" . | fromJsonArray)
  | toJson -}}
{{- end -}}
