// The role Monitoring Metrics Publisher on one data collection rule. It allows to write to it, and nothing else.

@description('Name of the data collection rule.')
param dataCollectionRuleName string

@description('The identity that writes.')
param writerPrincipalId string

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/monitor#monitoring-metrics-publisher
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' existing = {
  name: dataCollectionRuleName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  // The principal is part of the name, because an identity that was deleted and created again is another
  // principal, and the principal of an assignment cannot be changed.
  name: guid(rule.id, writerPrincipalId, monitoringMetricsPublisher)
  scope: rule
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
    principalId: writerPrincipalId
    // Without it Azure looks up the principal, which fails when it was created only a moment ago.
    principalType: 'ServicePrincipal'
    description: 'Chrony Tracker\'s collector writes metrics.'
  }
}
