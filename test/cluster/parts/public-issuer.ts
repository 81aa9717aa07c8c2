import type { Kubectl } from "./kubectl.ts";

/**
 * Lets everybody read the keys of the API server's tokens, as AKS does with a public issuer. A collector must also trust
 * the cluster's authority: {@link TRUST_CLUSTER}.
 */
export async function makeIssuerPublic(kubectl: Kubectl): Promise<void> {
  await kubectl.apply(
    JSON.stringify({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "test-public-issuer" },
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: "system:service-account-issuer-discovery",
      },
      subjects: [
        { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:unauthenticated" },
      ],
    }),
  );
}

/** A patch: the collector trusts the cluster's authority in addition to the public ones. */
export const TRUST_CLUSTER = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: chrony-tracker-collector
  namespace: chrony-tracker-collector
spec:
  template:
    spec:
      containers:
        - name: collector
          env:
            - name: SSL_CERT_FILE
              value: /etc/test-authority/ca.crt
          volumeMounts:
            - name: test-authority
              mountPath: /etc/test-authority
      volumes:
        - name: test-authority
          configMap:
            name: kube-root-ca.crt
`;
