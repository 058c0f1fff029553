{{- define "img" }}{{ if .Values.fips }}{{ .Values.images.tags.fips }}{{ else }}{{ .Values.images.tags.api }}{{ end }}{{ end }}
