/**
 * Keeps secrets out of logs, errors and the page. Two rules, for two kinds of text:
 *
 * - An address is shown without its name, password, query and fragment ({@link shownAddress}), because
 *   a query can hold a signature or key (`?sig=…`).
 * - A text that comes from elsewhere (a backend's answer, a system's error) may quote what it was
 *   sent: the secrets that are known are blanked in it ({@link redact}), and nothing else.
 */

/** Secrets that a text must not show; the longest first, so that none leaves a part of another. */
export type Secrets = readonly string[];

/** What is sent with a request. */
export type SentValues = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A token that is sent in a header of its own. */
  readonly token?: string | undefined;
};

/** A shorter text is in too many sentences, and no credential has so few characters. */
const SHORTEST_SECRET = 6;

/** Names of headers and of parameters in a query that hold a credential. */
const CREDENTIAL_NAME =
  /auth|token|key|secret|passw|pwd|credential|cookie|session|signature|^sig$|^code$|^sas$|dsn|^x-honeycomb-team$/i;

/** A value of 16 or more characters with letters and digits may be a key under any name. */
const LOOKS_LIKE_KEY = /^(?=.*[a-z])(?=.*\d)\S{16,}$/i;

const BLANK = "…";

/**
 * What may be shown of an address: `https://h:4318/v1/metrics?sig=x` is `https://h:4318/v1/metrics?…`,
 * `http://name:password@h` is `http://…@h`.
 * @param address also one that no parser takes
 */
export function shownAddress(address: string): string {
  // Where no parser says what is the name and password, all before the last @ may be.
  const login =
    URL.canParse(address) && /^https?:/i.test(address)
      ? /^(https?:\/*)[^/?#]*@/i
      : /^([a-z][a-z0-9+.-]*:\/+)?.*@/is;
  return address.replace(login, `$1${BLANK}@`).replace(/[?#].*$/s, `?${BLANK}`);
}

/**
 * The secrets in what is sent: credentials by the name of their header or parameter, and values that
 * look like a key. `X-Scope-OrgID: 1` is none.
 */
export function secretsIn({ url, headers, token }: SentValues): Secrets {
  const query = URL.canParse(url) ? new URL(url).search.slice(1) : "";
  const parameters = query.split("&").flatMap((parameter): [string, string][] => {
    const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(parameter) ?? [];
    // As it is sent, and as a server shows it.
    return [
      [name, value],
      [name, decoded(value)],
    ];
  });
  const found = [...Object.entries(headers), ...parameters]
    .filter(([name, value]) => CREDENTIAL_NAME.test(name) || LOOKS_LIKE_KEY.test(value))
    .flatMap(([, value]) => [value, ...credentialsIn(value)]);
  return [...new Set([...found, ...(token === undefined ? [] : [token])])]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .toSorted((one, other) => other.length - one.length);
}

/** The text with every known secret and the secret part of every address blanked. */
export function redact(text: string, secrets: Secrets): string {
  const blanked = secrets.reduce((rest, secret) => rest.replaceAll(secret, BLANK), text);
  return blanked.replace(
    /\b[a-z][a-z0-9+.-]*:\/\/\S*?(?=[.,;:!)\]}>"'`]*(?:\s|$))/gi,
    shownAddress,
  );
}

/** Behind a scheme (`Bearer x`, `Basic x`), and the password of Basic (RFC 7617). */
function credentialsIn(value: string): string[] {
  const [, scheme = "", credentials = ""] = /^(\S+)\s+(.+)$/s.exec(value.trim()) ?? [];
  if (scheme.toLowerCase() !== "basic") {
    return [credentials];
  }
  const pair = Buffer.from(credentials, "base64").toString();
  return [credentials, pair, pair.slice(pair.indexOf(":") + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
