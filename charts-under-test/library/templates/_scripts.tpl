{{/* A script by name: the chart's own, or else the library's. (root, name) */}}
{{- define "conformance-library.script" -}}
{{- $path := printf "files/%s" .name -}}
{{- $library := index .root.Subcharts "conformance-library" -}}
{{- $text := .root.Files.Get $path | default ($library.Files.Get $path) -}}
{{- required (printf "%s: neither the chart nor the library has it" $path) $text -}}
{{- end -}}

{{/* The chart's own scripts and the library's, as one text. */}}
{{- define "conformance-library.scripts" -}}
{{- $library := index .Subcharts "conformance-library" -}}
{{- list (.Files.Glob "files/*").AsConfig ($library.Files.Glob "files/*").AsConfig | toJson -}}
{{- end -}}

{{/* One ConfigMap with every script: Kubernetes applies the scripts, and none comes from an image. */}}
{{- define "conformance-library.configmap_bin" -}}
{{- $root := . -}}
{{- $library := index .Subcharts "conformance-library" -}}
{{- $names := dict -}}
{{- range $path, $_ := $library.Files.Glob "files/*" }}{{ $_ := set $names (base $path) true }}{{ end -}}
{{- range $path, $_ := .Files.Glob "files/*" }}{{ $_ := set $names (base $path) true }}{{ end -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "conformance-library.fullname" . }}-bin
  labels:
    {{- include "conformance-library.labels" (dict "root" . "component" "bin") | nindent 4 }}
data:
{{- range $name := keys $names | sortAlpha }}
  {{ $name }}: |
    {{- include "conformance-library.script" (dict "root" $root "name" $name) | nindent 4 }}
{{- end }}
{{- end -}}
