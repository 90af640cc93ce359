{{/* The secrets of the server as files, each where its `…_FILE` variable says. */}}
{{- define "easel.serverSecretFiles" -}}
- secret:
    name: {{ include "easel.databaseSecretName" . }}
    items:
      - { key: {{ include "easel.databaseSecretKey" . }}, path: database-url }
- secret:
    name: {{ include "easel.serverSecretName" . }}
    items:
      - { key: {{ empty .Values.secrets.existingSecret.name | ternary "secret-key" .Values.secrets.existingSecret.secretKeyKey }}, path: secret-key }
      {{- if include "easel.hasOtherSecretKeys" . }}
      - { key: {{ empty .Values.secrets.existingSecret.name | ternary "other-secret-keys" .Values.secrets.existingSecret.otherSecretKeysKey }}, path: other-secret-keys }
      {{- end }}
      {{- if include "easel.hasAdminToken" . }}
      - { key: {{ empty .Values.secrets.existingSecret.name | ternary "admin-token" .Values.secrets.existingSecret.adminTokenKey }}, path: admin-token }
      {{- end }}
{{- if include "easel.hasPlatform" . }}
- secret:
    name: {{ include "easel.platformSecretName" . }}
    items:
      - { key: {{ include "easel.platformSecretKey" . }}, path: platform-token }
{{- end }}
{{- if and .Values.mail.host .Values.mail.user }}
- secret:
    name: {{ .Values.mail.existingSecret.name | default (printf "%s-mail" (include "easel.fullname" .)) }}
    items:
      - { key: {{ empty .Values.mail.existingSecret.name | ternary "password" .Values.mail.existingSecret.key }}, path: smtp-password }
{{- end }}
{{- if eq .Values.objectStore.kind "s3" }}
{{- $given := .Values.objectStore.s3.existingSecret }}
- secret:
    name: {{ include "easel.s3SecretName" . }}
    items:
      - { key: {{ empty $given.name | ternary "access-key" $given.accessKeyKey }}, path: s3-access-key }
      - { key: {{ empty $given.name | ternary "secret-key" $given.secretKeyKey }}, path: s3-secret-key }
{{- end }}
{{- end -}}

{{- define "easel.hasAdminToken" -}}
{{- if or (and .Values.secrets.existingSecret.name .Values.secrets.existingSecret.adminTokenKey) (and .Values.secrets.adminToken (not .Values.secrets.existingSecret.name)) }}yes{{ end -}}
{{- end -}}

{{- define "easel.hasOtherSecretKeys" -}}
{{- if or (and .Values.secrets.existingSecret.name .Values.secrets.existingSecret.otherSecretKeysKey) (and .Values.secrets.otherSecretKeys (not .Values.secrets.existingSecret.name)) }}yes{{ end -}}
{{- end -}}

{{/* What of the server's secrets this chart itself holds. */}}
{{- define "easel.serverChecksum" -}}
{{- $parts := list .Values.database.url .Values.secrets.adminToken .Values.secrets.otherSecretKeys .Values.objectStore.s3.accessKey .Values.objectStore.s3.secretKey .Values.mail.password -}}
{{- if not .Values.secrets.existingSecret.name }}{{ $parts = append $parts (include "easel.secretKey" .) }}{{ end -}}
{{- if and (include "easel.hasPlatform" .) (not .Values.platform.existingSecret.name) }}{{ $parts = append $parts (include "easel.platformToken" .) }}{{ end -}}
{{- toJson $parts | sha256sum -}}
{{- end -}}

{{- define "easel.serverEnv" -}}
- { name: EASEL_HOST, value: {{ .Values.listenAddress | quote }} }
- { name: EASEL_PORT, value: "7080" }
- { name: EASEL_HEALTH_HOST, value: {{ .Values.listenAddress | quote }} }
- { name: EASEL_HEALTH_PORT, value: "9090" }
- { name: EASEL_PROXY_HOPS, value: {{ .Values.server.proxyHops | quote }} }
- { name: EASEL_PUBLIC_URL, value: {{ .Values.publicUrl | quote }} }
- { name: EASEL_DATABASE_URL_FILE, value: /run/easel/secrets/database-url }
- { name: EASEL_DATABASE_CONNECTIONS, value: {{ .Values.database.connections | quote }} }
- { name: EASEL_SECRET_KEY_FILE, value: /run/easel/secrets/secret-key }
{{- if include "easel.hasOtherSecretKeys" . }}
- { name: EASEL_SECRET_KEYS_OTHER_FILE, value: /run/easel/secrets/other-secret-keys }
{{- end }}
{{- if include "easel.hasPlatform" . }}
- { name: EASEL_LOCAL_PLATFORM_NAME, value: {{ .Values.platform.name | quote }} }
- { name: EASEL_LOCAL_PLATFORM_TOKEN_FILE, value: /run/easel/secrets/platform-token }
{{- end }}
{{- if include "easel.hasAdminToken" . }}
- { name: EASEL_ADMIN_TOKEN_FILE, value: /run/easel/secrets/admin-token }
{{- end }}
- { name: EASEL_DEFAULT_IMAGE, value: {{ .Values.environments.defaultImage | default (include "easel.image" (dict "root" . "image" .Values.environments.devImage)) | quote }} }
{{- with .Values.mail }}
{{- if .host }}
- { name: EASEL_SMTP_HOST, value: {{ .host | quote }} }
- { name: EASEL_SMTP_PORT, value: {{ .port | quote }} }
- { name: EASEL_SMTP_TLS, value: {{ .tls }} }
- { name: EASEL_SMTP_FROM, value: {{ .from | quote }} }
{{- if .user }}
- { name: EASEL_SMTP_USER, value: {{ .user | quote }} }
- { name: EASEL_SMTP_PASSWORD_FILE, value: /run/easel/secrets/smtp-password }
{{- end }}
{{- end }}
{{- end }}
- { name: EASEL_OBJECT_STORE, value: {{ .Values.objectStore.kind }} }
{{- if eq .Values.objectStore.kind "s3" }}
{{- with .Values.objectStore.s3 }}
- { name: EASEL_S3_BUCKET, value: {{ .bucket | quote }} }
- { name: EASEL_S3_REGION, value: {{ .region | quote }} }
{{- with .endpoint }}
- { name: EASEL_S3_ENDPOINT, value: {{ . | quote }} }
{{- end }}
- { name: EASEL_S3_FORCE_PATH_STYLE, value: {{ .forcePathStyle | quote }} }
{{- end }}
- { name: EASEL_S3_ACCESS_KEY_FILE, value: /run/easel/secrets/s3-access-key }
- { name: EASEL_S3_SECRET_KEY_FILE, value: /run/easel/secrets/s3-secret-key }
{{- else }}
- { name: EASEL_OBJECT_STORE_DIR, value: /var/lib/easel/objects }
{{- end }}
{{- end -}}
