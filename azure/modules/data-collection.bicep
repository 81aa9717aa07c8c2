// A data collection endpoint and rule. Prometheus samples go to the workspace unchanged.

@description('Name of both.')
param name string

@description('Region of the workspace.')
param location string

@description('Resource id of the workspace that samples go to.')
param workspaceResourceId string

@description('Whether the endpoint can be reached from the internet.')
param publicNetworkAccess string

@description('Tags of both.')
param tags object

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2024-03-11' = {
  name: name
  location: location
  tags: tags
  properties: {
    networkAcls: {
      publicNetworkAccess: publicNetworkAccess
    }
  }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' = {
  name: name
  location: location
  tags: tags
  properties: {
    dataCollectionEndpointId: endpoint.id
    dataSources: {
      prometheusForwarder: [
        {
          name: 'chrony-tracker'
          streams: [
            'Microsoft-PrometheusMetrics'
          ]
          labelIncludeFilter: {}
        }
      ]
    }
    destinations: {
      monitoringAccounts: [
        {
          name: 'workspace'
          accountResourceId: workspaceResourceId
        }
      ]
    }
    dataFlows: [
      {
        streams: [
          'Microsoft-PrometheusMetrics'
        ]
        destinations: [
          'workspace'
        ]
      }
    ]
  }
}

@description('Resource id of the rule.')
output ruleResourceId string = rule.id

@description('Resource id of the endpoint.')
output endpointResourceId string = endpoint.id
