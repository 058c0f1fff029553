{{/*
Nova's configuration: only the settings without a usable default. Nova stores the URLs of its cells' databases, and
connects to each with the account from [database]. So the database is in the URL, and the account is not.
*/}}
{{- define "conformance-library.configuration" -}}
{{- $database := .Values.database -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
state_path = /tmp
[api_database]
{{ include "conformance-library.oslo_connection" (merge (dict "name" (include "nova.additional_name" (dict "root" . "index" 0))) $database) }}
[database]
connection = {{ include "conformance-library.oslo_server" $database }}{{ include "nova.database_path" $database.name | include "conformance-library.oslo_text" }}
connection_parameters = {{ include "conformance-library.oslo_account" $database }}
{{ include "conformance-library.keystone_authtoken" . }}
[placement]
region_name = {{ .Values.identity.region }}
{{ include "conformance-library.identity_account" . }}
endpoint_override = {{ .Values.placement.url }}
[conductor]
workers = 1
[scheduler]
workers = 1
[oslo_concurrency]
lock_path = /tmp
{{- end -}}

{{/*
A database at the end of a URL. A migration puts what is before the ? into SQL, between backticks, where a colon marks a
parameter; the connection takes what is after it. (a name)
*/}}
{{- define "nova.database_path" -}}
{{ . | replace "`" "``" | replace ":" "\\:" }}?database={{ include "conformance-library.url_text" . }}
{{- end -}}

{{/* One of the two databases beside that of cell1. (root, index) */}}
{{- define "nova.additional_name" -}}
{{- $names := .root.Values.database.additional_names -}}
{{- if ne (len $names) 2 -}}
{{- fail (printf "database.additional_names: expected two names, for the API and for cell0, found %d" (len $names)) -}}
{{- end -}}
{{- index $names .index -}}
{{- end -}}

{{/* Overrides the library's template: db_sync also maps cell0. Nova fills the braces from [database]. */}}
{{- define "conformance-library.arguments.db_sync" -}}
{{- $name := include "nova.additional_name" (dict "root" . "index" 1) -}}
{{- $path := include "nova.database_path" $name | replace "{" "{{" | replace "}" "}}" -}}
{{- $cell0 := printf "{scheme}://{hostname}:{port}/%s" $path -}}
{{- dict
  "command" (list "/bin/sh" "/scripts/db_sync.sh")
  "scripts" (list "db_sync.sh")
  "secrets" (list "etc")
  "service" true
  "env" (list (dict "name" "CELL0_CONNECTION" "value" $cell0) | toYaml)
  "jobs" (list "db_init")
  "services" (include "conformance-library.database_service" . | fromJsonArray)
  | toJson -}}
{{- end -}}
