#!/bin/sh
# Checks values.env (or the given file) before anything is applied. It reports every fault, what to do, and
# the command that prints the value. Then it asks the token's issuer (with curl) and Azure (with az, if it is
# logged in) whether the values belong together. It changes nothing.
#
#   check.sh [--offline] [FILE]        --offline: checks the file only
#
# Exit code 0: no fault. 1: faults. 2: the file does not exist.
set -u

offline=
if [ "${1:-}" = --offline ]; then
  offline=yes
  shift
fi
file=${1:-$(dirname "$0")/values.env}
required='CLUSTER_NAME TOKEN_ISSUER_URL REMOTE_WRITE_URL AZURE_CLIENT_ID AZURE_TENANT_ID'
optional='AZURE_SCOPE AZURE_AUTHORITY_HOST HTTPS_PROXY NO_PROXY'
faults=0
unchecked=0

if [ -d "$file" ] || [ ! -r "$file" ]; then
  echo "$file cannot be read. Name the file that holds the values." >&2
  exit 2
fi

# PowerShell's > and some editors begin a file with a byte order mark, which kustomize reads as part of the
# first name. The script ends here, because all other faults would follow from this one.
case $(head -c 3 "$file" | od -An -tx1 | tr -d ' \n') in
  efbbbf | fffe* | feff*)
    echo "$file begins with a byte order mark, or is UTF-16. Save it as UTF-8 without such a mark."
    echo "$file has 1 fault(s). Nothing was applied."
    exit 1 ;;
esac

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
      echo '  az identity show --resource-group GROUP --name IDENTITY --query tenantId --output tsv' ;;
  esac
}

# value_of NAME: the value of a name, or an empty text
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
        fault "line $number" 'it is neither NAME=VALUE nor a comment. Remove it, or begin it with #.'
        continue ;;
    esac
    name=${line%%=*}
    case $name in
      *[[:space:]]*)
        fault "line $number" "\"$name\" contains white space. Write NAME=VALUE, without export."
        continue ;;
    esac
    case $name in
      HTTP_PROXY | http_proxy)
        fault "$name" 'it is not used, because it would send requests to an http:// address unencrypted through the proxy, with their token. Use HTTPS_PROXY.'
        continue ;;
    esac
    case " $required $optional " in
      *" $name "*) ;;
      *)
        fault "line $number" "\"$name\" is not a setting of this file. Settings: $required. Optional: $optional."
        continue ;;
    esac
    if [ "$(sed -n "1,${number}p" "$file" | grep -c "^$name=")" -eq 2 ]; then
      fault "$name" "it is given more than once (line $number). Keep one."
    fi
    case ${line#*=} in
      *[[:space:]]*)
        fault "$name" 'it contains white space, or the line ends as on Windows. Remove that.' ;;
      *\"* | *\'*)
        fault "$name" 'it contains quotation marks, which would become part of the value. Remove them.' ;;
      *'<'* | *'>'* | *'{'* | *'$'*)
        fault "$name" 'it contains a placeholder. Replace it with the value.' ;;
      *) continue ;;
    esac
    malformed="$malformed $name "
  done <"$file"
}

# check NAME SHAPE DESCRIPTION: a value that is not empty and has no fault yet must have this shape.
check() {
  value=$(value_of "$1")
  case "$malformed" in
    *" $1 "*) return ;;
  esac
  if [ -z "$value" ]; then
    fault "$1" 'it is empty.'
  elif ! matches "$value" "$2"; then
    case $1 in
      # Not shown, because it may contain a password.
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
  *://kubernetes.default.svc*)
    fault TOKEN_ISSUER_URL "\"$issuer\" is the issuer of a cluster whose OIDC issuer is off. Enable it: az aks update --enable-oidc-issuer --enable-workload-identity." ;;
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

# not_checked SENTENCE: something could not be asked, which is not a fault.
not_checked() {
  unchecked=$((unchecked + 1))
  printf 'Not checked: %s\n' "$1"
}

# The collector reads the issuer's keys when it starts, and ends if it cannot.
ask_issuer() {
  if ! command -v curl >/dev/null; then
    not_checked 'whether the issuer answers, because curl is not installed.'
    return
  fi
  document=${issuer%/}/.well-known/openid-configuration
  if ! answer=$(curl --silent --show-error --fail --globoff --location --max-time 20 "$document" 2>&1); then
    fault TOKEN_ISSUER_URL "\"$issuer\" cannot be reached from here ($answer). The collector asks it for its keys when it starts, and ends without them. If only this machine cannot reach it, for example behind a firewall: check.sh --offline."
    return
  fi
  answer=$(printf %s "$answer" | tr -d ' \t\r\n' | sed -n 's/.*"issuer":"\([^"]*\)".*/\1/p')
  if [ -z "$answer" ]; then
    fault TOKEN_ISSUER_URL "\"$document\" answers, but not as an issuer. Open it in a browser: a proxy, a sign-in page or another server may have answered."
  elif [ "$answer" != "$issuer" ]; then
    fault TOKEN_ISSUER_URL "\"$issuer\" answers, but its name is \"$answer\". The collector would reject every agent's token."
  fi
}

# ask WHAT ARGUMENT...: sets `answer` to the output of az. If az fails, WHAT is not checked.
ask() {
  what=$1
  shift
  # Without a terminal, az does not prompt, not even to install an extension.
  if ! answer=$(az "$@" --only-show-errors --output tsv 2>&1 </dev/null); then
    not_checked "$what: az answered \"$(printf '%s\n' "$answer" | head -n 1)\"."
    return 1
  fi
  answer=$(printf '%s\n' "$answer" | tr -d '\r')
}

lower() {
  printf %s "$1" | tr '[:upper:]' '[:lower:]'
}

ask_for_cluster() {
  ask 'whether the cluster has that name and issuer' \
    aks list --query "[?oidcIssuerProfile.issuerUrl=='$issuer'].[name,httpProxyConfig.httpsProxy || httpProxyConfig.httpProxy || '',httpProxyConfig.enabled]" || return
  name=$(printf '%s\n' "$answer" | cut -f 1)
  proxy=$(printf '%s\n' "$answer" | cut -f 2 -s)
  # AKS keeps the addresses of a proxy that was disabled.
  case $(printf '%s\n' "$answer" | cut -f 3 -s) in
    [Ff]alse) proxy='' ;;
  esac
  cluster=$(value_of CLUSTER_NAME)
  if [ -z "$name" ]; then
    not_checked "whether the cluster is called $cluster: no cluster of this subscription has that issuer. Choose its subscription: az account set --subscription NAME."
    return
  elif [ "$name" != "$cluster" ] && [ "$(lower "$name")" = "$(lower "$cluster")" ]; then
    fault CLUSTER_NAME "it is \"$cluster\", and the cluster is called \"$name\". Azure Monitor treats both as one and returns either, so alerts and dashboards show two clusters. Use the cluster's spelling."
  elif [ "$name" != "$cluster" ]; then
    not_checked "the name: the cluster with that issuer is called \"$name\". \"$cluster\" is right only if the metrics add-on has it as cluster_alias."
  fi
  if [ -n "$proxy" ] && [ -z "$(value_of HTTPS_PROXY)" ]; then
    not_checked "the egress: the cluster has the HTTP proxy $(printf %s "$proxy" | sed 's|//[^/@]*@|//|'). If the collector reaches Azure only through it, set HTTPS_PROXY and add the component egress-proxy (docs/kubernetes.md, Proxies)."
  fi
}

ask_for_role() {
  ask 'whether the identity may write' identity list \
    --query "[?clientId=='$(lower "$client")'].[principalId,resourceGroup,name,tenantId]" || return
  if [ -z "$answer" ]; then
    not_checked 'whether the identity may write: no managed identity of this subscription has that AZURE_CLIENT_ID.'
    return
  fi
  principal=$(printf '%s\n' "$answer" | cut -f 1)
  group=$(printf '%s\n' "$answer" | cut -f 2)
  identity=$(printf '%s\n' "$answer" | cut -f 3)
  tenant=$(printf '%s\n' "$answer" | cut -f 4)
  if [ "$(lower "$tenant")" != "$(lower "$(value_of AZURE_TENANT_ID)")" ]; then
    fault AZURE_TENANT_ID "the identity $identity is of the tenant $tenant. Set that one."
  fi
  subject=system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector
  if ask 'whether the collector may use the identity' identity federated-credential list \
    --resource-group "$group" --identity-name "$identity" \
    --query "[?issuer=='$issuer' && subject=='$subject'].name" && [ -z "$answer" ]; then
    fault AZURE_CLIENT_ID "no federated credential of $identity has this TOKEN_ISSUER_URL and the subject $subject. Microsoft Entra ID would give the collector no token. Make it: docs/azure.md, Without Bicep, step 2."
  fi
  id=$(value_of REMOTE_WRITE_URL | sed 's|.*/dataCollectionRules/\([^/]*\)/.*|\1|')
  ask 'whether the identity may write' monitor data-collection rule list \
    --query "[?immutableId=='$id'].id" || return
  rule=$answer
  if [ -z "$rule" ]; then
    not_checked "whether the identity may write: no data collection rule of this subscription has the id $id."
    return
  fi
  if ask 'whether the identity may write' role assignment list --assignee "$principal" --scope "$rule" \
    --include-inherited --query "[?ends_with(roleDefinitionId, '3913510d-42f4-4e42-8a64-420c390055eb')].id" && [ -z "$answer" ]; then
    fault REMOTE_WRITE_URL "$identity lacks the role Monitoring Metrics Publisher on the data collection rule. Azure would answer 403. Assign it, and wait 30 minutes:
  az role assignment create --role 'Monitoring Metrics Publisher' --assignee-object-id $principal --assignee-principal-type ServicePrincipal --scope $rule
  Or the address is of another rule:"
  fi
}

ask_azure() {
  if ! command -v az >/dev/null; then
    not_checked 'whether the values belong together, because az is not installed.'
  elif ! az account show >/dev/null 2>&1; then
    not_checked 'whether the values belong together, because az is not logged in (az login).'
  else
    ask_for_cluster
    ask_for_role
  fi
}

if [ "$faults" -eq 0 ] && [ -z "$offline" ]; then
  ask_issuer
  ask_azure
fi

if [ "$faults" -gt 0 ]; then
  echo "$file has $faults fault(s). Nothing was applied."
  exit 1
fi
if [ -n "$offline" ] || [ "$unchecked" -gt 0 ]; then
  echo "$file has no fault that can be seen. What was not asked shows when it is applied."
else
  echo "$file has no fault, and Azure knows all of it."
fi
