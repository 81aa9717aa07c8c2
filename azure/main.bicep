// Makes everything that k8s/overlays/azure needs of an AKS cluster and an Azure Monitor workspace.
// All resources are in the resource group of the deployment, except the role assignment, which is in
// that of the data collection rule.

targetScope = 'resourceGroup'

@description('Resource id of the AKS cluster. It may be in another resource group or subscription. Its OIDC issuer and workload identity must be enabled.')
@minLength(1)
param clusterResourceId string

@description('Resource id of the Azure Monitor workspace that the metrics go to. It may be in another resource group or subscription. Empty: a new one is made here.')
param workspaceResourceId string = ''

@description('Region of what is made here. What belongs to the workspace (data collection, rule groups) is made in the region of the workspace.')
param location string = resourceGroup().location

@description('Name of what is made here: managed identity, rule groups and, where they are made, workspace, data collection endpoint and rule, action group. Letters, digits and hyphens; it neither begins nor ends with a hyphen. The default is unique to each cluster, so that clusters can share a resource group: the beginning of its name, and a hash of its resource id.')
@minLength(4)
@maxLength(44)
param name string = 'chrony-tracker-${take(replace(last(split(clusterResourceId, '/')), '_', '-'), 15)}-${uniqueString(toLower(clusterResourceId))}'

@description('The data collection rule and endpoint that the metrics go through: `own` are made here, with their own request limit and network access; `workspace` are those that came with the workspace.')
@allowed([
  'own'
  'workspace'
])
param dataCollection string = 'own'

@description('Whether the endpoint that is made here (`dataCollection` is `own`) can be reached from the internet. `Disabled` needs a private link to it.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string = 'Enabled'

@description('Whether the alert rules are made.')
param alerts bool = true

@description('Resource ids of existing action groups that alerts are sent to. Azure accepts five for a rule, including the one for `alertEmailAddress`.')
@maxLength(5)
param actionGroupResourceIds array = []

@description('An e-mail address that alerts are sent to, by an action group that is made for it. Empty: none is made. Azure sends an address at most 100 e-mails an hour.')
param alertEmailAddress string = ''

@description('Tags of everything that is made here.')
param tags object = {}

// The namespace and the service account of the collector in k8s/.
var collectorSubject = 'system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector'

// Checked here, because Azure rejects a hyphen at either end of these names only late in the deployment.
var resourceName = startsWith(name, '-') || endsWith(name, '-')
  ? fail('The parameter name is ${name}. It must neither begin nor end with a hyphen.')
  : name

// Azure accepts at most five action groups for a rule.
var actionGroupCount = length(actionGroupResourceIds) + (empty(alertEmailAddress) ? 0 : 1)
var alertedActionGroupIds = actionGroupCount > 5
  ? fail('Azure accepts five action groups for a rule, and alertEmailAddress makes one. Give at most four in actionGroupResourceIds, or add the address to one of these groups.')
  : actionGroupResourceIds

var clusterIdParts = split(clusterResourceId, '/')
var clusterName = last(clusterIdParts)

var makesWorkspace = empty(workspaceResourceId)
var workspaceId = makesWorkspace ? resourceId('Microsoft.Monitor/accounts', resourceName) : workspaceResourceId
var workspaceIdParts = split(workspaceId, '/')
var makesDataCollection = dataCollection == 'own'

resource cluster 'Microsoft.ContainerService/managedClusters@2024-09-01' existing = {
  name: clusterName
  scope: resourceGroup(clusterIdParts[2], clusterIdParts[4])
}

var hasWorkloadIdentity = cluster.properties.?securityProfile.?workloadIdentity.?enabled ?? false
var issuerUrl = hasWorkloadIdentity
  ? cluster.properties.?oidcIssuerProfile.?issuerURL ?? fail('The cluster has no OIDC issuer. Enable it: az aks update --enable-oidc-issuer --enable-workload-identity')
  : fail('The cluster has no workload identity. Enable it: az aks update --enable-oidc-issuer --enable-workload-identity')

resource newWorkspace 'Microsoft.Monitor/accounts@2023-04-03' = if (makesWorkspace) {
  name: resourceName
  location: location
  tags: tags
}

resource existingWorkspace 'Microsoft.Monitor/accounts@2023-04-03' existing = if (!makesWorkspace) {
  name: last(workspaceIdParts)
  scope: resourceGroup(workspaceIdParts[2], workspaceIdParts[4])
}

var workspaceLocation = makesWorkspace ? location : existingWorkspace!.location
var workspaceDefaults = makesWorkspace
  ? newWorkspace!.properties.defaultIngestionSettings
  : existingWorkspace!.properties.defaultIngestionSettings

module ownDataCollection 'modules/data-collection.bicep' = if (makesDataCollection) {
  name: '${resourceName}-data-collection'
  params: {
    name: resourceName
    location: workspaceLocation
    workspaceResourceId: workspaceId
    publicNetworkAccess: publicNetworkAccess
    tags: tags
  }
  dependsOn: [
    newWorkspace
  ]
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: resourceName
  location: location
  tags: tags
}

resource federatedCredential 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = {
  parent: identity
  name: 'chrony-tracker-collector'
  properties: {
    issuer: issuerUrl
    subject: collectorSubject
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

module writing 'modules/writing.bicep' = {
  name: '${resourceName}-writing'
  params: {
    dataCollectionRuleResourceId: makesDataCollection
      ? ownDataCollection!.outputs.ruleResourceId
      : workspaceDefaults.dataCollectionRuleResourceId
    dataCollectionEndpointResourceId: makesDataCollection
      ? ownDataCollection!.outputs.endpointResourceId
      : workspaceDefaults.dataCollectionEndpointResourceId
    writerPrincipalId: identity.properties.principalId
  }
}

module alertRules 'modules/alert-rules.bicep' = if (alerts) {
  name: '${resourceName}-alert-rules'
  params: {
    name: resourceName
    location: workspaceLocation
    workspaceResourceId: workspaceId
    clusterName: clusterName
    ruleGroups: loadJsonContent('rule-groups.json')
    actionGroupResourceIds: alertedActionGroupIds
    emailAddress: alertEmailAddress
    tags: tags
  }
  dependsOn: [
    newWorkspace
  ]
}

@description('What a new workspace still lacks, or empty.')
output warning string = makesWorkspace
  ? 'The workspace ${resourceName} is new. No Grafana has it as a data source: link one, or make the workspace the one of the metrics add-on. Without the add-on it has no kube_node_info either, and an alert can find a silent node only for an hour after its last report.'
  : ''

@description('Where the collector writes to: REMOTE_WRITE_URL.')
output remoteWriteUrl string = writing.outputs.remoteWriteUrl

@description('The client id of the collector\'s identity: AZURE_CLIENT_ID.')
output clientId string = identity.properties.clientId

@description('The tenant of that identity: AZURE_TENANT_ID.')
output tenantId string = identity.properties.tenantId

@description('The label `cluster` of every series: CLUSTER_NAME. The managed Prometheus add-on sets the same.')
output clusterName string = clusterName

@description('Who issues the tokens of the agents: TOKEN_ISSUER_URL.')
output tokenIssuerUrl string = issuerUrl
