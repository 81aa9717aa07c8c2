// From an AKS cluster and an Azure Monitor workspace to everything that k8s/overlays/azure needs.
// All that is made lies in the resource group of the deployment, but for the role assignment, which
// lies with the data collection rule.

targetScope = 'resourceGroup'

@description('Resource id of the AKS cluster. It may be in another resource group or subscription. Its OIDC issuer and workload identity have to be enabled.')
@minLength(1)
param clusterResourceId string

@description('Resource id of the Azure Monitor workspace that the metrics go to. It may be in another resource group or subscription. Empty: a new one is made here.')
param workspaceResourceId string = ''

@description('Region of what is made here. What belongs to the workspace (data collection, rule groups) is made in the region of the workspace.')
param location string = resourceGroup().location

@description('Name of what is made here: managed identity, rule groups and, where they are made, workspace, data collection endpoint and rule, action group. Letters, digits and hyphens. The default lets several clusters share a resource group.')
@minLength(4)
@maxLength(44)
param name string = take('chrony-tracker-${replace(last(split(clusterResourceId, '/')), '_', '-')}', 44)

@description('Where the metrics enter: by a data collection rule and endpoint that are made for it (`own`), with a limit of requests and with network access of their own, or by those that came with the workspace (`workspace`).')
@allowed([
  'own'
  'workspace'
])
param dataCollection string = 'own'

@description('Whether the endpoint of its own (`dataCollection` is `own`) can be reached from the internet. `Disabled` needs a private link to it.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string = 'Enabled'

@description('Whether the alert rules are made.')
param alerts bool = true

@description('Resource ids of existing action groups that alerts are sent to. Azure takes five a rule, the one for `alertEmailAddress` included.')
@maxLength(5)
param actionGroupResourceIds array = []

@description('An e-mail address that alerts are sent to, by an action group that is made for it. Empty: none is made.')
param alertEmailAddress string = ''

@description('Tags of everything that is made here.')
param tags object = {}

// The names that k8s/ gives to the collector.
var collectorSubject = 'system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector'

var clusterIdParts = split(clusterResourceId, '/')
var clusterName = last(clusterIdParts)

var makesWorkspace = empty(workspaceResourceId)
var workspaceId = makesWorkspace ? resourceId('Microsoft.Monitor/accounts', name) : workspaceResourceId
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
  name: name
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
  name: '${name}-data-collection'
  params: {
    name: name
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
  name: name
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
  name: '${name}-writing'
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
  name: '${name}-alert-rules'
  params: {
    name: name
    location: workspaceLocation
    workspaceResourceId: workspaceId
    clusterName: clusterName
    ruleGroups: loadJsonContent('rule-groups.json')
    actionGroupResourceIds: actionGroupResourceIds
    emailAddress: alertEmailAddress
    tags: tags
  }
  dependsOn: [
    newWorkspace
  ]
}

@description('Where the collector writes to: REMOTE_WRITE_URL.')
output remoteWriteUrl string = writing.outputs.remoteWriteUrl

@description('Who the collector is: AZURE_CLIENT_ID.')
output clientId string = identity.properties.clientId

@description('The tenant of that identity: AZURE_TENANT_ID.')
output tenantId string = identity.properties.tenantId

@description('The label `cluster` of every series: CLUSTER_NAME. The managed Prometheus add-on gives the same.')
output clusterName string = clusterName

@description('Who issues the tokens of the agents: TOKEN_ISSUER_URL.')
output tokenIssuerUrl string = issuerUrl
