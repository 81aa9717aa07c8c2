import { randomUUID } from "node:crypto";

/** The claims of an access token. */
export type AccessToken = {
  /** The resource that it is valid for, such as `https://monitor.azure.com`. */
  readonly audience: string;
  /** The identity that it was issued to. */
  readonly clientId: string;
  readonly expiresMs: number;
};

/** The result of checking a request's `Authorization` header. */
export type TokenCheck =
  | { readonly kind: "valid"; readonly token: AccessToken }
  | { readonly kind: "missing" }
  | { readonly kind: "unknown" }
  | { readonly kind: "expired"; readonly token: AccessToken };

/** The issued access tokens. They are random, because a client must not decode them. */
export class AccessTokens {
  readonly #issued = new Map<string, AccessToken>();

  /** Issues a token, and returns its text. */
  issue(token: AccessToken): string {
    const text = `fake.${randomUUID()}`;
    this.#issued.set(text, token);
    return text;
  }

  /** Revokes all issued tokens. Their holders are not notified. */
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
