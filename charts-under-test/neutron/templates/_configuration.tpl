{{/*
Neutron's configuration: only the settings without a usable default. Its migrations read nothing but the URL of the database,
so the account and the name are parameters of the URL itself.
*/}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
core_plugin = ml2
state_path = /tmp
bind_port = {{ .Values.components.server.port }}
# The API in the first process, and one process for messages.
api_workers = 0
rpc_workers = 1
rpc_state_report_workers = 0
# There is no Nova to tell.
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[database]
connection = {{ include "conformance-library.database_url" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
# With an account it finds that there is no Placement to tell; without one it fails.
[placement]
{{ include "conformance-library.identity_account" . }}
[oslo_concurrency]
lock_path = /tmp
{{- end -}}
