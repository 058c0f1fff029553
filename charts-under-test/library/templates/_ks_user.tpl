{{/* Creates the user with which the service validates tokens in Keystone. */}}
{{- define "conformance-library.ks_user" -}}
{{ include "conformance-library.job" (dict "root" . "function" "ks_user") }}
{{- end -}}

{{- define "conformance-library.arguments.ks_user" -}}
{{- $keys := dict "SERVICE_USERNAME" "username" "SERVICE_PASSWORD" "password" "SERVICE_PROJECT" "project" "SERVICE_ROLE" "role" -}}
{{- $env := include "conformance-library.secret_envs" (dict "root" . "secret" "identity-user" "keys" $keys) | trim -}}
{{- dict
  "command" (list "python3" "/scripts/ks_user.py")
  "scripts" (list "ks_user.py" "ks_api.py")
  "secrets" (list "identity-admin" "identity-user")
  "env" (printf "%s\n%s" (include "conformance-library.identity_env" . | trim) $env)
  "jobs" list
  "services" (include "conformance-library.identity_services" . | fromJsonArray)
  | toJson -}}
{{- end -}}
