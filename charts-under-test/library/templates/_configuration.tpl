{{/*
The configuration of a service: `conformance-library.configuration`, a template of the chart, under the name in
`service.config_file`, and beside it the chart's own files/etc/. A chart with other files has its own
`conformance-library.content.etc`.
*/}}
{{- define "conformance-library.content.etc" -}}
{{- $root := . -}}
{{- $files := dict (include "conformance-library.config_file" . | base) (printf "%s\n" (include "conformance-library.configuration" . | trim)) -}}
{{- range $path, $_ := .Files.Glob "files/etc/*" -}}
{{- $_ := set $files (base $path) ($root.Files.Get $path) -}}
{{- end -}}
{{- $files | toJson -}}
{{- end -}}

{{/* Where the service looks for its configuration. */}}
{{- define "conformance-library.config_file" -}}
{{- required "service.config_file: the place of the configuration is needed, found none" .Values.service.config_file -}}
{{- end -}}

{{/* A value for oslo.config, which reads $ as a reference. It reads \$ as $, also after another backslash; of \$$ it makes a
reference. */}}
{{- define "conformance-library.oslo_text" -}}
{{- . | replace "$" "\\$" -}}
{{- end -}}

{{/* How a service validates tokens: the account that ks_user creates. */}}
{{- define "conformance-library.keystone_authtoken" -}}
[keystone_authtoken]
www_authenticate_uri = {{ include "conformance-library.auth_url" . }}
{{ include "conformance-library.identity_account" . }}
{{- end -}}

{{/*
The lines with which keystoneauth logs in as the service's own user; for any section that takes them. They name no
region: the service may be the only one in its region, and Keystone is registered in another one.
*/}}
{{- define "conformance-library.identity_account" -}}
{{- $identity := .Values.identity -}}
{{ include "conformance-library.identity_user" . }}
project_name = {{ $identity.user.project }}
project_domain_name = {{ $identity.admin.domain }}
{{- end -}}

{{/* The same without a project, for a section whose user acts on what a trust or another scope gives. */}}
{{- define "conformance-library.identity_user" -}}
{{- $identity := .Values.identity -}}
auth_type = password
auth_url = {{ include "conformance-library.auth_url" . }}
username = {{ include "conformance-library.oslo_text" $identity.user.username }}
password = {{ include "conformance-library.oslo_text" $identity.user.password }}
user_domain_name = {{ $identity.admin.domain }}
{{- end -}}

{{/*
The line that names the message queue, in [DEFAULT]. Without a queue nothing is sent: the driver `fake` keeps it in the process.

oslo.messaging decodes the URL and writes another for its client: with the account encoded again except for a /, which no
URL can carry then, and with the virtual host as it is. So that is encoded twice.
*/}}
{{- define "conformance-library.transport_url" -}}
{{- if include "conformance-library.messaging_host" . -}}
{{- $messaging := .Values.messaging -}}
{{- range $field := list "username" "password" -}}
{{- if contains "/" (get $messaging $field) -}}
{{- fail (printf "messaging.%s: oslo.messaging cannot log in with a / in it" $field) -}}
{{- end -}}
{{- end -}}
transport_url = rabbit://{{ include "conformance-library.url_text" $messaging.username }}:{{ include "conformance-library.url_text" $messaging.password }}@{{ $messaging.host }}:{{ int $messaging.port }}/{{ include "conformance-library.url_text" (include "conformance-library.url_text" $messaging.vhost) }}
{{- else -}}
transport_url = fake:/
{{- end -}}
{{- end -}}

{{/* A text percent-encoded. Not every parser reads + as a space. */}}
{{- define "conformance-library.url_text" -}}
{{- . | urlquery | replace "+" "%20" -}}
{{- end -}}
