{{- define "img" }}{{ if .Values.fips }}quay.io/example/api-fips:1.0.3{{ else }}{{ .Values.images.tags.api }}{{ end }}{{ end }}
