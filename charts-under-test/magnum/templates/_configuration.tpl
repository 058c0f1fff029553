{{/* Magnum's configuration: only the settings without a usable default. */}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
# One name for all pods, so that a new one takes the entry of its predecessor in the table of services.
host = {{ include "conformance-library.fullname" . }}
[conductor]
workers = 1
[oslo_concurrency]
lock_path = /tmp
[database]
# The program that migrates knows no connection_parameters.
connection = {{ include "conformance-library.database_url" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
[keystone_auth]
{{ include "conformance-library.identity_account" . }}
# For each request, Magnum asks for the domain of its clusters' own users. This chart creates no clusters, and no such domain.
[trust]
trustee_domain_admin_name = {{ include "conformance-library.oslo_text" .Values.identity.user.username }}
trustee_domain_admin_password = {{ include "conformance-library.oslo_text" .Values.identity.user.password }}
trustee_domain_admin_domain_name = {{ .Values.identity.admin.domain }}
{{- end -}}
