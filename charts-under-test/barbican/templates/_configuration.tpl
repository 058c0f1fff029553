{{/*
Barbican's configuration: only the settings without a usable default. Older versions read sql_connection, newer ones the section
database; the program that migrates knows no connection_parameters.
*/}}
{{- define "conformance-library.configuration" -}}
{{- $url := include "conformance-library.database_url" .Values.database -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
# References to secrets get the host that the client asked.
host_href =
# db_sync migrates the schema, and nothing else does.
db_auto_create = false
sql_connection = {{ $url }}
[database]
connection = {{ $url }}
{{ include "conformance-library.keystone_authtoken" . }}
[simple_crypto_plugin]
kek = {{ include "conformance-library.text" (dict "path" "crypto.key_encryption_key" "value" .Values.crypto.key_encryption_key) }}
{{- end -}}
