{{/* Whether to run it. */}}
{{- define "say.wanted" -}}
{{- include "say.inner" . -}}
{{- end }}
{{- define "say.inner" -}}
{{- if and .Values.exporter.run (not .Values.quiet) }}true{{ else }}false{{ end -}}
{{- end }}
