{{- /* The images are proxy and worker: tuple . "proxy" | include "example.image" */ -}}
{{- define "example.labels" -}}
proxy: {{ index . "application" }}
{{- end -}}
{{- define "example.sidecar" -}}
image: {{ .Values.images.tags.proxy }}
{{- end -}}
