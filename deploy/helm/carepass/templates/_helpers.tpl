{{- define "carepass.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "carepass.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if eq .Release.Name (include "carepass.name" .) -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "carepass.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Everything of the release. */}}
{{- define "carepass.releaseLabels" -}}
app.kubernetes.io/name: {{ include "carepass.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What serves: the pod of the flight check must get no requests. */}}
{{- define "carepass.selectorLabels" -}}
{{ include "carepass.releaseLabels" . }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "carepass.labels" -}}
{{ include "carepass.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "carepass.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "carepass.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "carepass.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- define "carepass.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "carepass.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{- define "carepass.env" -}}
# Where carepass finds secrets by the names of its keys, as under systemd.
- name: CREDENTIALS_DIRECTORY
  value: /run/credentials/carepass
# Stronger than the configuration: an embedded store without a volume would be gone with its pod, and each replica would have its own.
- name: CAREPASS__STORE__BACKEND
  value: {{ ternary "embedded" "postgres" .Values.persistence.enabled }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "carepass.volumeMounts" -}}
- name: config
  mountPath: /etc/carepass/carepass.toml
  subPath: carepass.toml
  readOnly: true
- name: credentials
  mountPath: /run/credentials/carepass
  readOnly: true
- name: store
  mountPath: /var/lib/carepass
- name: tmp
  mountPath: /tmp
{{- if or .Values.authorities.secret .Values.authorities.configMap }}
- name: authorities
  mountPath: /etc/carepass/authorities
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "carepass.volumes" -}}
- name: config
  configMap:
    name: {{ include "carepass.fullname" . }}
- name: credentials
  secret:
    secretName: {{ required "existingSecret: name the Secret that holds the credentials (docs/INSTALL.md, Kubernetes)" .Values.existingSecret }}
    # Owner and group may read: carepass refuses a secret that others may read.
    defaultMode: 0440
- name: store
{{- if .Values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ default (include "carepass.fullname" .) .Values.persistence.existingClaim }}
{{- else }}
  emptyDir: {}
{{- end }}
- name: tmp
  emptyDir: {}
{{- if .Values.authorities.secret }}
- name: authorities
  secret:
    secretName: {{ .Values.authorities.secret }}
{{- else if .Values.authorities.configMap }}
- name: authorities
  configMap:
    name: {{ .Values.authorities.configMap }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
