{{- define "courier.agent" }}
{{- with .Values.watch }}
{{- if and .agent.run .agent.interval }}
apiVersion: v1
kind: Pod
metadata:
  name: agent
spec:
  containers:
    - image: quay.io/example/agent:main
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
          image: quay.io/example/plain:2.1.0
          imagePullPolicy: {{ $all.Values.images.pull_policy }}
        {{- end }}
{{- end }}
