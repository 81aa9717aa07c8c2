{{/* Settings as a ConfigMap has them: text, numbers without an exponent. */}}
{{- define "chrony-tracker.settings" -}}
{{- range $name, $value := . }}
{{ $name }}: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}

{{/* The collector's, and what it reads as configuration. */}}
{{- define "chrony-tracker.collectorSettings" -}}
{{- include "chrony-tracker.settings" .Values.collector }}
{{- if eq .Values.way "prometheus" }}
BACKEND: {{ toYaml .Values.backend | quote }}
{{- end }}
{{- end }}

{{/* The ports of a network policy's rule, in one line. */}}
{{- define "chrony-tracker.tcpPorts" -}}
[{{ range $index, $port := . }}{{ if $index }}, {{ end }}{port: {{ $port }}, protocol: TCP}{{ end }}]
{{- end }}
