#!/bin/sh
# Checks values.env (or the file that is named) before anything is applied: every fault, what to do
# about it, and the command that gives the value. It asks nobody: whether the values belong together
# shows in Azure's answers. Exit code 0: no fault. 1: faults. 2: no such file.
set -u

file=${1:-$(dirname "$0")/values.env}
required='CLUSTER_NAME TOKEN_ISSUER_URL REMOTE_WRITE_URL AZURE_CLIENT_ID AZURE_TENANT_ID'
optional='AZURE_SCOPE AZURE_AUTHORITY_HOST HTTPS_PROXY NO_PROXY'
faults=0

if [ -d "$file" ] || [ ! -r "$file" ]; then
  echo "$file cannot be read. Name the file that holds the values." >&2
  exit 2
fi

# fault NAME SENTENCE
fault() {
  faults=$((faults + 1))
  printf '%s: %s\n' "$1" "$2"
  case $1 in
    CLUSTER_NAME)
      echo '  az aks list --query "[].name" --output tsv' ;;
    TOKEN_ISSUER_URL)
      echo '  az aks show --resource-group GROUP --name CLUSTER --query oidcIssuerProfile.issuerUrl --output tsv' ;;
    REMOTE_WRITE_URL)
      echo '  az monitor data-collection endpoint show --resource-group GROUP --name ENDPOINT --query metricsIngestion.endpoint --output tsv'
      echo '  az monitor data-collection rule show --resource-group GROUP --name RULE --query immutableId --output tsv'
      echo '  Joined: ENDPOINT/dataCollectionRules/IMMUTABLE_ID/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24' ;;
    AZURE_CLIENT_ID)
      echo '  az identity show --resource-group GROUP --name IDENTITY --query clientId --output tsv' ;;
    AZURE_TENANT_ID)
      echo '  az account show --query tenantId --output tsv' ;;
  esac
}

# The value of a name; empty where it has none.
value_of() {
  sed -n "s/^$1=//p" "$file" | head -n 1
}

# matches TEXT EXTENDED_REGULAR_EXPRESSION
matches() {
  printf '%s\n' "$1" | grep -Eq "^($2)\$"
}

check_lines() {
  number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    case $line in
      '' | '#'*) continue ;;
      *=*) ;;
      *)
        fault "line $number" 'it is neither NAME=VALUE nor a comment.'
        continue ;;
    esac
    name=${line%%=*}
    case $name in
      *[[:space:]]*)
        fault "line $number" "\"$name\" holds white space. Write NAME=VALUE, without export."
        continue ;;
    esac
    case " $required $optional " in
      *" $name "*) ;;
      *)
        fault "line $number" "\"$name\" is no setting of this file. It takes $required, and where needed $optional."
        continue ;;
    esac
    if [ "$(sed -n "1,${number}p" "$file" | grep -c "^$name=")" -eq 2 ]; then
      fault "$name" "it is given more than once (line $number). Keep one."
    fi
    case ${line#*=} in
      *[[:space:]]*)
        fault "$name" 'it holds white space, or the line ends as on Windows. Remove that.' ;;
      *\"* | *\'*)
        fault "$name" 'it holds quotation marks, which would become part of the value. Remove them.' ;;
      *'<'* | *'>'* | *'{'* | *'$'*)
        fault "$name" 'it holds a placeholder. Put the value itself there.' ;;
      *) continue ;;
    esac
    malformed="$malformed $name "
  done <"$file"
}

# check NAME SHAPE DESCRIPTION: a value that is there and no fault yet must have the shape.
check() {
  value=$(value_of "$1")
  case "$malformed" in
    *" $1 "*) return ;;
  esac
  if [ -z "$value" ]; then
    fault "$1" 'it is empty.'
  elif ! matches "$value" "$2"; then
    case $1 in
      # It may hold a password.
      HTTPS_PROXY) fault "$1" "what is there is not $3." ;;
      *) fault "$1" "\"$value\" is not $3." ;;
    esac
  fi
}

check_optional() {
  [ -z "$(value_of "$1")" ] || check "$@"
}

guid='[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}'
endpoint='https://[a-z0-9-]+\.[a-z0-9]+-[0-9]+\.metrics\.ingest\.monitor\.azure\.(com|us|cn)'
path='/dataCollectionRules/dcr-[0-9a-f]{32}/streams/Microsoft-PrometheusMetrics/api/v1/write\?api-version=2023-04-24'

malformed=''
check_lines
check CLUSTER_NAME '[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?' 'the name of an AKS cluster: up to 63 letters, digits, - and _'
check TOKEN_ISSUER_URL 'https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^?#]*)?' 'an address that begins with https:// (no such issuer: az aks update --enable-oidc-issuer --enable-workload-identity)'
check REMOTE_WRITE_URL "$endpoint$path" 'the metrics ingestion address of a data collection rule'
check AZURE_CLIENT_ID "$guid" 'a client id (8-4-4-4-12 hexadecimal digits)'
check AZURE_TENANT_ID "$guid" 'a tenant id (8-4-4-4-12 hexadecimal digits)'
check_optional AZURE_SCOPE 'https://[a-z0-9.-]+/\.default' 'a scope such as https://monitor.azure.com/.default'
check_optional AZURE_AUTHORITY_HOST 'https://[a-z0-9.-]+/?' 'an address such as https://login.microsoftonline.com/'
check_optional HTTPS_PROXY 'https?://[^/]+/?' 'the address of a proxy such as http://proxy.example:3128'

case "$malformed" in
  *' TOKEN_ISSUER_URL '*) issuer='' ;;
  *) issuer=$(value_of TOKEN_ISSUER_URL) ;;
esac
case $issuer in
  *.oic.prod-aks.azure.com/*[!/])
    fault TOKEN_ISSUER_URL "\"$issuer\" lacks the / at its end, which is part of an AKS issuer's name." ;;
esac

client=$(value_of AZURE_CLIENT_ID)
if [ -n "$client" ] && [ "$client" = "$(value_of AZURE_TENANT_ID)" ]; then
  fault AZURE_CLIENT_ID 'it is the same as AZURE_TENANT_ID. One of them was pasted twice.'
fi

cloud=$(value_of REMOTE_WRITE_URL | sed -n 's|^https://[^/]*\.monitor\.azure\.\([a-z]*\)/.*|\1|p')
scope=$(value_of AZURE_SCOPE)
if [ -n "$cloud" ] && [ "${scope:-https://monitor.azure.com/.default}" != "https://monitor.azure.$cloud/.default" ]; then
  fault AZURE_SCOPE "it must be https://monitor.azure.$cloud/.default for that REMOTE_WRITE_URL."
fi

if [ "$faults" -gt 0 ]; then
  echo "$file has $faults fault(s). Nothing was applied."
  exit 1
fi
echo "$file has no fault that can be seen without asking Azure."
