import { randomUUID } from "node:crypto";

/** What an access token stands for. */
export type AccessToken = {
  /** The resource that it is good for, such as `https://monitor.azure.com`. */
  readonly audience: string;
  /** Who it was issued to. */
  readonly clientId: string;
  readonly expiresMs: number;
};

/** What a request's `Authorization` header turned out to be. */
export type TokenCheck =
  | { readonly kind: "valid"; readonly token: AccessToken }
  | { readonly kind: "missing" }
  | { readonly kind: "unknown" }
  | { readonly kind: "expired"; readonly token: AccessToken };

/** The access tokens that were issued. A client must not look into one, so they hold nothing. */
export class AccessTokens {
  readonly #issued = new Map<string, AccessToken>();

  /** Issues one and gives its text. */
  issue(token: AccessToken): string {
    const text = `fake.${randomUUID()}`;
    this.#issued.set(text, token);
    return text;
  }

  /** Makes all that were issued so far invalid, while those who hold them do not know. */
  revokeAll(): void {
    this.#issued.clear();
  }

  /** Checks a request's `Authorization` header. */
  check(authorization: string | undefined, nowMs: number): TokenCheck {
    const text = /^Bearer (?<text>\S+)$/.exec(authorization ?? "")?.groups?.["text"];
    if (text === undefined) {
      return { kind: "missing" };
    }
    const token = this.#issued.get(text);
    if (token === undefined) {
      return { kind: "unknown" };
    }
    return token.expiresMs > nowMs ? { kind: "valid", token } : { kind: "expired", token };
  }
}
