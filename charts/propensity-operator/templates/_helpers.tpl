{{/* The name prefix of all objects of this release. */}}
{{- define "propensity-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "propensity-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "propensity-operator.labels" -}}
{{ include "propensity-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "propensity-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "propensity-operator.fullname" .) -}}
{{- end -}}

{{- define "propensity-operator.image" -}}
{{- $repository := required "image.repository is empty. No image of the operator is published: build the Dockerfile, push the image to your own registry, and set image.repository to its name there, without the tag" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The permissions of the operator in the namespaces that it watches. */}}
{{- define "propensity-operator.rules" -}}
- apiGroups: [abm.propensity.com]
  resources: [accountaudiences, contactaudiences, propensityreports, propensityworkspaces, suppressionlists]
  verbs: [get, list, watch]
- apiGroups: [abm.propensity.com]
  resources: [accountaudiences/status, contactaudiences/status, propensityreports/status, propensityworkspaces/status, suppressionlists/status]
  verbs: [patch]
# The ledger. The operator never deletes a receipt.
- apiGroups: [abm.propensity.com]
  resources: [audiencereceipts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- toYaml .Values.secretNames | nindent 4 }}
  verbs: [get, list, watch]
# ConfigMaps can contain lists. Only their metadata is watched.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
# Artifacts of Flux sources can contain lists, if Flux is installed.
- apiGroups: [source.toolkit.fluxcd.io]
  resources: [buckets, externalartifacts, gitrepositories, ocirepositories]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}
