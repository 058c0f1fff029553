{{- define "words" }}image: busybox{{ end }}
