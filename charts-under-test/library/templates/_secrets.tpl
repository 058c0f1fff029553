{{/* A Secret of the release, from conformance-library.content.<suffix>. (root, suffix) */}}
{{- define "conformance-library.secret" -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "conformance-library.fullname" .root }}-{{ .suffix }}
  labels:
    {{- include "conformance-library.labels" (dict "root" .root "component" .suffix) | nindent 4 }}
type: Opaque
data:
{{- range $key, $value := include (printf "conformance-library.content.%s" .suffix) .root | fromJson }}
  {{ $key }}: {{ $value | b64enc | quote }}
{{- end }}
{{- end -}}

{{/*
A value that must be text. YAML reads an unquoted 12345678901 as a number, and Helm would write it as 1.2345678901e+10,
which is another password. (path, value)
*/}}
{{- define "conformance-library.text" -}}
{{- if not (kindIs "string" .value) -}}
{{- fail (printf "%s: expected text, found %s; quote it, or use --set-string" .path (kindOf .value)) -}}
{{- end -}}
{{- .value -}}
{{- end -}}

{{/*
The database server's certificate authority; "" for a connection without TLS. (.Values.database)
It is optional: a chart's `database` may have no `tls`.
*/}}
{{- define "conformance-library.database_ca" -}}
{{- $ca := include "conformance-library.text" (dict "path" "database.tls.ca" "value" (dig "tls" "ca" "" .)) -}}
{{- if and $ca (not (contains "-----BEGIN CERTIFICATE-----" $ca)) -}}
{{- fail "database.tls.ca: expected a certificate in PEM, found other text" -}}
{{- end -}}
{{- $ca -}}
{{- end -}}

{{/* The file in which scripts and the service's own programs find it. */}}
{{- define "conformance-library.database_ca_file" -}}
/database-ca/ca.crt
{{- end -}}

{{/* The service's databases and account. */}}
{{- define "conformance-library.content.db" -}}
{{- $database := .Values.database -}}
{{- $names := list (include "conformance-library.text" (dict "path" "database.name" "value" $database.name)) -}}
{{- range $index, $name := $database.additional_names -}}
{{- $path := printf "database.additional_names[%d]" $index -}}
{{- $names = append $names (include "conformance-library.text" (dict "path" $path "value" $name)) -}}
{{- end -}}
{{- if eq $database.username $database.admin.username -}}
{{- fail "database.username: it is database.admin.username; the service needs an account of its own, which db_drop can drop" -}}
{{- end -}}
{{- $content := dict
  "host" (include "conformance-library.text" (dict "path" "database.host" "value" $database.host))
  "port" (toString ($database.port | int))
  "names" ($names | toJson)
  "username" (include "conformance-library.text" (dict "path" "database.username" "value" $database.username))
  "password" (include "conformance-library.text" (dict "path" "database.password" "value" $database.password))
-}}
{{- with include "conformance-library.database_ca" $database -}}
{{- $_ := set $content "ca" . -}}
{{- end -}}
{{- $content | toJson -}}
{{- end -}}

{{/* The server's administrator. Only db_init and db_drop read it. */}}
{{- define "conformance-library.content.db-admin" -}}
{{- $admin := .Values.database.admin -}}
{{- dict
  "username" (include "conformance-library.text" (dict "path" "database.admin.username" "value" $admin.username))
  "password" (include "conformance-library.text" (dict "path" "database.admin.password" "value" $admin.password))
  | toJson -}}
{{- end -}}

{{/* Keystone's administrator, in the form that clients need. */}}
{{- define "conformance-library.content.identity-admin" -}}
{{- $admin := .Values.identity.admin -}}
{{- dict
  "auth_url" (include "conformance-library.auth_url" .)
  "region" .Values.identity.region
  "username" $admin.username
  "password" (include "conformance-library.text" (dict "path" "identity.admin.password" "value" $admin.password))
  "project" $admin.project
  "domain" $admin.domain
  "role" $admin.role
  | toJson -}}
{{- end -}}

{{/* The entries that this chart registers in Keystone's service catalog. */}}
{{- define "conformance-library.content.identity-service" -}}
{{- $root := . -}}
{{- $service := .Values.identity.service -}}
{{- $url := include "conformance-library.registered_url" (dict "root" . "service" $service) -}}
{{- $urls := dict -}}
{{- range $interface := list "public" "internal" "admin" -}}
{{- $_ := set $urls $interface (get $service.urls $interface | default $url) -}}
{{- end -}}
{{- $content := dict "type" $service.type "name" $service.name "urls" ($urls | toJson) -}}
{{- with .Values.identity.additional_services -}}
{{- $more := list -}}
{{- range . -}}
{{- $each := include "conformance-library.registered_url" (dict "root" $root "service" .) -}}
{{- $more = append $more (dict "type" .type "name" .name "urls" (dict "public" $each "internal" $each "admin" $each)) -}}
{{- end -}}
{{- $_ := set $content "more" ($more | toJson) -}}
{{- end -}}
{{- $content | toJson -}}
{{- end -}}

{{/*
The URL under which a service is registered: its component's, or in a chart without components Keystone's own.
(root, service)
*/}}
{{- define "conformance-library.registered_url" -}}
{{- $component := .service.component | default "api" -}}
{{- if .root.Values.components -}}
{{- include "conformance-library.component_url" (dict "root" .root "name" $component) }}{{ .service.path }}
{{- else -}}
{{- include "conformance-library.auth_url" .root -}}
{{- end -}}
{{- end -}}

{{/* The service's own user in Keystone. */}}
{{- define "conformance-library.content.identity-user" -}}
{{- $user := .Values.identity.user -}}
{{- dict
  "username" $user.username
  "password" (include "conformance-library.text" (dict "path" "identity.user.password" "value" $user.password))
  "project" $user.project
  "role" $user.role
  | toJson -}}
{{- end -}}

{{- define "conformance-library.auth_url" -}}
{{- $api := printf "http://%s-api.%s.svc:%d/v3" (include "conformance-library.fullname" .) .Release.Namespace (int .Values.service.port) -}}
{{- .Values.identity.auth_url | default $api -}}
{{- end -}}

{{/*
The [database] section of a service that reaches its database through oslo.db and PyMySQL. (.Values.database)

The account and the database go into connection_parameters, and not into the URL: oslo.db joins them when it connects.
The URL is safe for names and passwords of letters only. Keystone's db_sync reads a % in it as a configparser
interpolation and fails, and it puts the database name from the URL into SQL unquoted (an empty name means the current
database). Values are percent-encoded. A space is %20, because not every parser reads + as a space. oslo.config reads $
as a reference, so it is %24.

PyMySQL sends a password as Latin-1, but db_init sets it as UTF-8. So each UTF-8 byte of a non-ASCII character is
written as the Latin-1 character of that byte. During the conversion an @ marks a finished %, so that no byte is
converted twice.
*/}}
{{- define "conformance-library.oslo_database" -}}
[database]
{{ include "conformance-library.oslo_connection" . }}
{{- end -}}

{{/* The two lines of it that name server, account and database, for any section. (.Values.database, or a copy with another name) */}}
{{- define "conformance-library.oslo_connection" -}}
connection = {{ include "conformance-library.oslo_server" . }}
connection_parameters = {{ include "conformance-library.oslo_account" . }}&database={{ include "conformance-library.url_text" .name }}
{{- end -}}

{{/* All of it as one URL, for a service that does not know connection_parameters. (.Values.database) */}}
{{- define "conformance-library.database_url" -}}
{{ include "conformance-library.oslo_server" . }}?{{ include "conformance-library.oslo_account" . }}&database={{ include "conformance-library.url_text" .name }}
{{- end -}}

{{- define "conformance-library.oslo_server" -}}
mysql+pymysql://{{ .host }}:{{ .port | int }}/
{{- end -}}

{{/* The connection parameters of the account, on any database of the server. (.Values.database) */}}
{{- define "conformance-library.oslo_account" -}}
{{- $password := include "conformance-library.url_text" .password -}}
{{- $password = regexReplaceAll "%([89AB][0-9A-F])" $password "@C2@${1}" -}}
{{- $password = regexReplaceAll "%C([0-9A-F])" $password "@C3@8${1}" -}}
{{- $password = regexReplaceAll "%D([0-9A-F])" $password "@C3@9${1}" -}}
{{- $password = regexReplaceAll "%E([0-9A-F])" $password "@C3@A${1}" -}}
{{- $password = regexReplaceAll "%F([0-9A-F])" $password "@C3@B${1}" -}}
user={{ include "conformance-library.url_text" .username }}&password={{ $password | replace "@" "%" }}
{{- if include "conformance-library.database_ca" . }}&ssl_ca={{ include "conformance-library.database_ca_file" . }}{{ end }}
{{- end -}}
