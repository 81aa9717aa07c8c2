// The alert rules of alerts/ as Azure's rule groups, and their action groups.

@description('Beginning of the names.')
param name string

@description('Region of the workspace.')
param location string

@description('Resource id of the workspace that the rules ask.')
param workspaceResourceId string

@description('The cluster that the rules apply to: the label `cluster` of its series.')
param clusterName string

@description('The rule groups: name, interval and rules, in the format of Microsoft.AlertsManagement/prometheusRuleGroups.')
param ruleGroups array

@description('Resource ids of existing action groups.')
param actionGroupResourceIds array

@description('An e-mail address that an action group is made for, or empty.')
param emailAddress string

@description('Tags of all resources.')
param tags object

var makesActionGroup = !empty(emailAddress)

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = if (makesActionGroup) {
  name: name
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'chrony'
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: emailAddress
        useCommonAlertSchema: true
      }
    ]
  }
}

var actionGroupIds = concat(actionGroupResourceIds, makesActionGroup ? [actionGroup.id] : [])
var actions = map(actionGroupIds, id => { actionGroupId: id })

resource ruleGroup 'Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01' = [
  for group in ruleGroups: {
    name: '${name}-${group.name}'
    location: location
    tags: tags
    properties: {
      enabled: true
      clusterName: clusterName
      scopes: [
        workspaceResourceId
      ]
      interval: group.interval
      // A recording rule has no actions.
      rules: map(group.rules, rule => contains(rule, 'alert') ? union(rule, { actions: actions }) : rule)
    }
  }
]
