// The published definitions of the resource types that azure/ uses, against which Bicep's compiler checks a template.
// Copied from the generated type files (types.json, types.md) of https://github.com/Azure/bicep-types-az; the comment
// at each type names the folder. An object has all properties of its definition, unless the comment says otherwise.

/** The type of a property. */
export type Type =
  | "string"
  | "integer"
  | "boolean"
  | { readonly kind: "array"; readonly of: Type }
  /** An object with any names. */
  | { readonly kind: "map"; readonly of: Type }
  | { readonly kind: "object"; readonly properties: Readonly<Record<string, Property>> };

export type Property = {
  readonly type: Type;
  /** `required` must be set; `read-only` must not be set. */
  readonly use: "required" | "optional" | "read-only";
};

const array = (of: Type): Type => ({ kind: "array", of });
const map = (of: Type): Type => ({ kind: "map", of });
const object = (properties: Readonly<Record<string, Property>>): Type => ({
  kind: "object",
  properties,
});
const required = (type: Type): Property => ({ type, use: "required" });
const optional = (type: Type): Property => ({ type, use: "optional" });
const readOnly = (type: Type): Property => ({ type, use: "read-only" });

const resource = (properties: Readonly<Record<string, Property>>): Type =>
  object({ id: readOnly("string"), name: required("string"), ...properties });

const TRACKED = {
  location: required("string"),
  tags: optional(map("string")),
};

/** By `type@version`. */
export const RESOURCE_TYPES: Readonly<Record<string, Type>> = {
  // generated/containerservice/microsoft.containerservice/2024-09-01: only the properties that are read.
  "Microsoft.ContainerService/managedClusters@2024-09-01": resource({
    ...TRACKED,
    properties: optional(
      object({
        oidcIssuerProfile: optional(
          object({ enabled: optional("boolean"), issuerURL: readOnly("string") }),
        ),
        securityProfile: optional(
          object({ workloadIdentity: optional(object({ enabled: optional("boolean") })) }),
        ),
      }),
    ),
  }),
  // generated/monitor/microsoft.monitor/2023-04-03
  "Microsoft.Monitor/accounts@2023-04-03": resource({
    ...TRACKED,
    properties: optional(
      object({
        accountId: readOnly("string"),
        defaultIngestionSettings: readOnly(
          object({
            dataCollectionEndpointResourceId: readOnly("string"),
            dataCollectionRuleResourceId: readOnly("string"),
          }),
        ),
        metrics: readOnly(
          object({
            internalId: readOnly("string"),
            prometheusQueryEndpoint: readOnly("string"),
          }),
        ),
        provisioningState: readOnly("string"),
        publicNetworkAccess: readOnly("string"),
      }),
    ),
  }),
  // generated/monitor/microsoft.insights/2024-03-11
  "Microsoft.Insights/dataCollectionEndpoints@2024-03-11": resource({
    ...TRACKED,
    kind: optional("string"),
    properties: optional(
      object({
        description: optional("string"),
        immutableId: optional("string"),
        configurationAccess: optional(object({ endpoint: readOnly("string") })),
        logsIngestion: optional(object({ endpoint: readOnly("string") })),
        metricsIngestion: optional(object({ endpoint: readOnly("string") })),
        networkAcls: optional(object({ publicNetworkAccess: optional("string") })),
        provisioningState: readOnly("string"),
      }),
    ),
  }),
  // generated/monitor/microsoft.insights/2024-03-11. Only the data sources and destinations
  // for Prometheus.
  "Microsoft.Insights/dataCollectionRules@2024-03-11": resource({
    ...TRACKED,
    kind: optional("string"),
    properties: optional(
      object({
        description: optional("string"),
        immutableId: readOnly("string"),
        dataCollectionEndpointId: optional("string"),
        dataSources: optional(
          object({
            prometheusForwarder: optional(
              array(
                object({
                  name: optional("string"),
                  streams: optional(array("string")),
                  labelIncludeFilter: optional(map("string")),
                }),
              ),
            ),
          }),
        ),
        destinations: optional(
          object({
            monitoringAccounts: optional(
              array(
                object({
                  name: optional("string"),
                  accountResourceId: optional("string"),
                  accountId: readOnly("string"),
                }),
              ),
            ),
          }),
        ),
        dataFlows: optional(
          array(
            object({
              streams: optional(array("string")),
              destinations: optional(array("string")),
              transformKql: optional("string"),
              outputStream: optional("string"),
              builtInTransform: optional("string"),
              captureOverflow: optional("boolean"),
            }),
          ),
        ),
        provisioningState: readOnly("string"),
      }),
    ),
  }),
  // generated/msi/microsoft.managedidentity/2024-11-30
  "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30": resource({
    ...TRACKED,
    properties: readOnly(
      object({
        clientId: readOnly("string"),
        principalId: readOnly("string"),
        tenantId: readOnly("string"),
      }),
    ),
  }),
  // generated/msi/microsoft.managedidentity/2024-11-30
  "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30":
    resource({
      properties: optional(
        object({
          audiences: required(array("string")),
          issuer: required("string"),
          subject: required("string"),
        }),
      ),
    }),
  // generated/authorization/microsoft.authorization/2022-04-01
  "Microsoft.Authorization/roleAssignments@2022-04-01": resource({
    properties: required(
      object({
        condition: optional("string"),
        conditionVersion: optional("string"),
        delegatedManagedIdentityResourceId: optional("string"),
        description: optional("string"),
        principalId: required("string"),
        principalType: optional("string"),
        roleDefinitionId: required("string"),
        scope: readOnly("string"),
      }),
    ),
  }),
  // generated/alertsmanagement/microsoft.alertsmanagement/2023-03-01
  "Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01": resource({
    ...TRACKED,
    properties: required(
      object({
        description: optional("string"),
        enabled: optional("boolean"),
        clusterName: optional("string"),
        scopes: required(array("string")),
        interval: optional("string"),
        rules: required(
          array(
            object({
              record: optional("string"),
              alert: optional("string"),
              enabled: optional("boolean"),
              expression: required("string"),
              labels: optional(map("string")),
              severity: optional("integer"),
              for: optional("string"),
              annotations: optional(map("string")),
              actions: optional(
                array(
                  object({
                    actionGroupId: optional("string"),
                    actionProperties: optional(map("string")),
                  }),
                ),
              ),
              resolveConfiguration: optional(
                object({
                  autoResolved: optional("boolean"),
                  timeToResolve: optional("string"),
                }),
              ),
            }),
          ),
        ),
      }),
    ),
  }),
  // generated/monitor/microsoft.insights/2023-01-01. Only the receivers of e-mail.
  "Microsoft.Insights/actionGroups@2023-01-01": resource({
    ...TRACKED,
    properties: optional(
      object({
        enabled: required("boolean"),
        groupShortName: required("string"),
        emailReceivers: optional(
          array(
            object({
              name: required("string"),
              emailAddress: required("string"),
              status: readOnly("string"),
              useCommonAlertSchema: optional("boolean"),
            }),
          ),
        ),
      }),
    ),
  }),
};
