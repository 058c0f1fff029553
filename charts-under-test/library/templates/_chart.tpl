{{/*
All objects of a service, as far as its switches in `manifests` are on. A chart's only template can be:

    {{ include "conformance-library.chart" . }}
*/}}
{{- define "conformance-library.chart" -}}
{{- $root := . -}}
{{- $on := .Values.manifests -}}
{{- if $on.service_account }}
---
{{ include "conformance-library.service_account" . }}
{{- end }}
{{- if $on.configmap_bin }}
---
{{ include "conformance-library.configmap_bin" . }}
{{- end }}
{{- range $switch, $suffixes := include "conformance-library.secrets" . | fromJson }}
{{- if get $on $switch }}
{{- range $suffix := $suffixes }}
---
{{ include "conformance-library.secret" (dict "root" $root "suffix" $suffix) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $function := include "conformance-library.functions" . | fromJsonArray }}
---
{{ include "conformance-library.job" (dict "root" $root "function" $function) }}
{{- end }}
{{- if $on.job_db_drop }}
---
{{ include "conformance-library.db_drop" . }}
{{- end }}
{{- range $name, $component := include "conformance-library.components" . | fromJson }}
{{- if get $on (printf "deployment_%s" $name) }}
---
{{ include "conformance-library.deployment" (dict "root" $root "name" $name) }}
{{- end }}
{{- if get $on (printf "service_%s" $name) }}
---
{{ include "conformance-library.service" (dict "root" $root "name" $name) }}
{{- end }}
{{- end }}
{{- if $on.pod_test }}
---
{{ include "conformance-library.pod_test" . }}
{{- end }}
{{- end -}}

{{/* The Secrets of a service by their switch, as JSON. */}}
{{- define "conformance-library.secrets" -}}
{{- $found := dict "secret_db" (list "db" "db-admin") "secret_etc" (list "etc") "secret_identity" (list "identity-admin" "identity-service" "identity-user") -}}
{{- if include "conformance-library.messaging_host" . -}}
{{- $_ := set $found "secret_messaging" (list "messaging" "messaging-admin") -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* The functions of the ordinary Jobs whose switches are on, as JSON. Without a message queue there is no rabbit_init. */}}
{{- define "conformance-library.functions" -}}
{{- $root := . -}}
{{- $on := list -}}
{{- range $switch, $state := .Values.manifests -}}
{{- $function := trimPrefix "job_" $switch -}}
{{- $needless := and (eq $function "rabbit_init") (not (include "conformance-library.messaging_host" $root)) -}}
{{- if and $state (hasPrefix "job_" $switch) (ne $function "db_drop") (not $needless) -}}
{{- $on = append $on $function -}}
{{- end -}}
{{- end -}}
{{- $on | toJson -}}
{{- end -}}
