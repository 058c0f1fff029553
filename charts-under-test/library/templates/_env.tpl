{{/* The service's database and account. The names are the same for db_init and db_drop: what one creates, the other drops. */}}
{{- define "conformance-library.database_env" -}}
{{- range $name, $key := dict "DB_HOST" "host" "DB_PORT" "port" "DB_NAMES" "names" "DB_USER" "username" }}
{{ include "conformance-library.secret_env" (dict "root" $ "name" $name "secret" "db" "key" $key) }}
{{- end }}
{{- range $name, $key := dict "DB_ADMIN_USER" "username" "DB_ADMIN_PASSWORD" "password" }}
{{ include "conformance-library.secret_env" (dict "root" $ "name" $name "secret" "db-admin" "key" $key) }}
{{- end }}
{{- end -}}

{{- define "conformance-library.identity_env" -}}
{{- $keys := dict "OS_AUTH_URL" "auth_url" "OS_REGION_NAME" "region" "OS_USERNAME" "username" "OS_PASSWORD" "password" "OS_PROJECT_NAME" "project" "OS_DOMAIN_NAME" "domain" -}}
{{- range $name, $key := $keys }}
{{ include "conformance-library.secret_env" (dict "root" $ "name" $name "secret" "identity-admin" "key" $key) }}
{{- end }}
{{- end -}}

{{/* (root, keys: variable -> key) */}}
{{- define "conformance-library.identity_service_env" -}}
{{- $root := .root -}}
{{- range $name, $key := .keys }}
{{ include "conformance-library.secret_env" (dict "root" $root "name" $name "secret" "identity-service" "key" $key) }}
{{- end }}
{{- end -}}
