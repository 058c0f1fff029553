{{/* What local_settings.py reads, as JSON: names and passwords may contain any character. */}}
{{- define "conformance-library.configuration" -}}
{{- $database := pick .Values.database "host" "name" "username" "password" -}}
{{- $_ := set $database "port" (int .Values.database.port) -}}
{{- if include "conformance-library.database_ca" .Values.database -}}
{{- $_ := set $database "ca" (include "conformance-library.database_ca_file" .) -}}
{{- end -}}
{{- dict
  "database" $database
  "keystone" (dict "url" (include "conformance-library.auth_url" .) "domain" .Values.identity.admin.domain)
  "secret_key" (include "conformance-library.text" (dict "path" "service.secret_key" "value" .Values.service.secret_key))
  | toJson -}}
{{- end -}}

{{/* Overrides the library's template: Horizon registers nothing in Keystone, and only its test logs in there. */}}
{{- define "conformance-library.secrets" -}}
{{- dict "secret_db" (list "db" "db-admin") "secret_etc" (list "etc") "secret_identity" (list "identity-admin") | toJson -}}
{{- end -}}
