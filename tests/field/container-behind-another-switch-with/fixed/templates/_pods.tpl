{{- define "courier.agent" }}
{{- with .Values.watch }}
{{- if and .agent.run .agent.interval }}
apiVersion: v1
kind: Pod
metadata:
  name: agent
spec:
  containers:
    - image: {{ $.Values.images.tags.agent }}
      imagePullPolicy: {{ $.Values.images.pull_policy }}
      name: agent
{{- end }}
{{- end }}
{{- end }}
{{- define "courier.front" }}
{{- $all := . }}
        {{- if $all.Values.tls.terminate }}
        - name: front
          image: {{ $all.Values.images.tags.front }}
          imagePullPolicy: {{ $all.Values.images.pull_policy }}
        {{- else }}
        - name: plain
          image: {{ $all.Values.images.tags.plain }}
          imagePullPolicy: {{ $all.Values.images.pull_policy }}
        {{- end }}
{{- end }}
