// The role assignment, and the address to write to. It is a module of its own because a scope must be known
// before a deployment begins, and the ids of rule and endpoint are known only after they were created.

@description('Resource id of the data collection rule.')
param dataCollectionRuleResourceId string

@description('Resource id of the data collection endpoint.')
param dataCollectionEndpointResourceId string

@description('The identity that writes.')
param writerPrincipalId string

var ruleIdParts = split(dataCollectionRuleResourceId, '/')
var endpointIdParts = split(dataCollectionEndpointResourceId, '/')

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' existing = {
  name: last(ruleIdParts)
  scope: resourceGroup(ruleIdParts[2], ruleIdParts[4])
}

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2024-03-11' existing = {
  name: last(endpointIdParts)
  scope: resourceGroup(endpointIdParts[2], endpointIdParts[4])
}

module role 'writer-role.bicep' = {
  name: 'chrony-tracker-writer-role-${uniqueString(writerPrincipalId)}'
  scope: resourceGroup(ruleIdParts[2], ruleIdParts[4])
  params: {
    dataCollectionRuleName: last(ruleIdParts)
    writerPrincipalId: writerPrincipalId
  }
}

@description('The address for Prometheus remote write.')
output remoteWriteUrl string = '${endpoint.properties.metricsIngestion.endpoint}/dataCollectionRules/${rule.properties.immutableId}/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24'
