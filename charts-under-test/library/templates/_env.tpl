{{/* The service's databases and account. db_drop gets the same names as db_init, so it drops what db_init creates. */}}
{{- define "conformance-library.database_env" -}}
{{- include "conformance-library.secret_envs" (dict "root" . "secret" "db" "keys" (dict "DB_HOST" "host" "DB_PORT" "port" "DB_NAMES" "names" "DB_USER" "username")) }}
{{- include "conformance-library.secret_envs" (dict "root" . "secret" "db-admin" "keys" (dict "DB_ADMIN_USER" "username" "DB_ADMIN_PASSWORD" "password")) }}
{{- include "conformance-library.database_ca_env" . }}
{{- end -}}

{{/* The certificate authority with which scripts verify the database server; nothing without TLS. */}}
{{- define "conformance-library.database_ca_env" -}}
{{- if include "conformance-library.database_ca" .Values.database }}
- name: DB_CA
  value: {{ include "conformance-library.database_ca_file" . }}
{{- end }}
{{- end -}}

{{- define "conformance-library.identity_env" -}}
{{- $keys := dict "OS_AUTH_URL" "auth_url" "OS_REGION_NAME" "region" "OS_USERNAME" "username" "OS_PASSWORD" "password" "OS_PROJECT_NAME" "project" "OS_DOMAIN_NAME" "domain" -}}
{{- include "conformance-library.secret_envs" (dict "root" . "secret" "identity-admin" "keys" $keys) }}
{{- end -}}

{{/* Environment variables from one Secret. (root, secret, keys: variable -> key) */}}
{{- define "conformance-library.secret_envs" -}}
{{- $root := .root -}}
{{- $secret := .secret -}}
{{- range $name, $key := .keys }}
{{ include "conformance-library.secret_env" (dict "root" $root "name" $name "secret" $secret "key" $key) }}
{{- end }}
{{- end -}}
