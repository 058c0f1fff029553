{{- define "mariadb.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 }}
{{- end -}}

{{/* A password for the pod's own clients: the same in each rendering, of characters that an option file takes unquoted. (root, user) */}}
{{- define "mariadb.derived_password" -}}
{{- printf "%s/%s/%s" .user .root.Release.Namespace .root.Values.root.password | sha256sum | trunc 32 -}}
{{- end -}}

{{/* A string literal of SQL in one line, because the server reads init-file line by line. */}}
{{- define "mariadb.literal" -}}
'{{ . | replace "\\" "\\\\" | replace "'" "\\'" | replace "\n" "\\n" | replace "\r" "\\r" }}'
{{- end -}}

{{/* An option file for a client. (root, user) */}}
{{- define "mariadb.client" -}}
[client]
user = {{ .user }}
password = {{ include "mariadb.derived_password" . }}
socket = /run/mysqld/mysqld.sock
default-character-set = utf8mb4
{{- end -}}

{{/* Fails if the values for TLS are incomplete. */}}
{{- define "mariadb.check_tls" -}}
{{- range $name, $pair := pick . "trusted" "untrusted" "other_host" }}
{{- if ne (empty $pair.certificate) (empty $pair.key) }}
{{- fail (printf "tls.%s: expected certificate and key, found one of them" $name) }}
{{- end }}
{{- end }}
{{- if and (empty .trusted.certificate) (or .untrusted.certificate .other_host.certificate .required) }}
{{- fail "tls.trusted: expected certificate and key, because tls.untrusted, tls.other_host or tls.required is set" }}
{{- end }}
{{- end -}}
