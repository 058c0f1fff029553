{{- define "image" -}}
{{- index (index . 0).Values.images.tags (index . 1) -}}
{{- end -}}
