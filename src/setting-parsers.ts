/** Parsers of environment variables: each returns a value, or says what is allowed. */
import { isIPv6 } from "node:net";
import { failure, type Result, success } from "./result.ts";

/** Parses a text that is not empty. The error says what is allowed ("expected …"). */
export type ParseText<Value> = (text: string) => Result<Value, string>;

/** Any text. */
export const anyText: ParseText<string> = (text) => success(text);

/** A decimal number in a range, both ends included. */
export function numberBetween(least: number, most: number): ParseText<number> {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN;
    return value >= least && value <= most
      ? success(value)
      : failure(`expected a number from ${least} to ${most}`);
  };
}

/** A number of seconds in a range, both ends included. Gives milliseconds. */
export function secondsBetween(least: number, most: number): ParseText<number> {
  const parse = numberBetween(least, most);
  return (text) => {
    const seconds = parse(text);
    return seconds.ok ? success(seconds.value * 1000) : seconds;
  };
}

/** A whole number in a range, both ends included. */
export function wholeNumberBetween(least: number, most: number): ParseText<number> {
  return (text) => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    return value >= least && value <= most
      ? success(value)
      : failure(`expected a whole number from ${least} to ${most}`);
  };
}

/** One of a few words, in any case. */
export function oneOf<const Word extends string>(words: readonly Word[]): ParseText<Word> {
  return (text) => {
    const word = words.find((candidate) => candidate === text.trim().toLowerCase());
    return word === undefined ? failure(`expected ${words.join(" or ")}`) : success(word);
  };
}

/** Another parser, with a reason added to its error. */
export function because<Value>(parse: ParseText<Value>, reason: string): ParseText<Value> {
  return (text) => {
    const parsed = parse(text);
    return parsed.ok ? parsed : failure(`${parsed.error}, because ${reason}`);
  };
}

/** One or more of a few words, with commas. */
export function listOf<const Word extends string>(
  words: readonly Word[],
): ParseText<readonly Word[]> {
  return (text) => {
    const found: Word[] = [];
    for (const part of text.split(",")) {
      const word = words.find((candidate) => candidate === part.trim().toLowerCase());
      if (word === undefined) {
        return failure(`expected one or more of ${words.join(", ")}, with commas`);
      }
      found.push(word);
    }
    return success([...new Set(found)]);
  };
}

/** An empty list for the word `none`; otherwise the result of another parser. */
export function noneOr<Word extends string>(
  parse: ParseText<readonly Word[]>,
): ParseText<readonly Word[]> {
  return (text) => {
    if (text.trim().toLowerCase() === "none") {
      return success([]);
    }
    const parsed = parse(text);
    return parsed.ok ? parsed : failure(`${parsed.error}, or none`);
  };
}

/** An http or https address without a user name or password. */
export const httpUrl: ParseText<string> = (text) => {
  const expected = "expected a URL like http://HOST:PORT or https://HOST";
  if (!URL.canParse(text)) {
    return failure(expected);
  }
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return failure(expected);
  }
  if (url.username !== "" || url.password !== "") {
    return failure("expected a URL without a name or password: give those as a header");
  }
  return success(text.trim());
};

/** A host that can be asked over the network, and how it was written. */
export type HostAndPort = {
  readonly text: string;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
};

const HOST_AND_PORT =
  /^(?:\[(?<ipv6>[0-9A-Fa-f:.]+)\]|(?<host>[A-Za-z0-9](?:[\w.-]{0,252})))(?::(?<port>\d{1,5}))?$/;

/** Hosts with commas between them, each with a port or without: HOST, HOST:PORT, IPV6 or [IPV6]:PORT. */
export function hostList(most: number, defaultPort: number): ParseText<readonly HostAndPort[]> {
  return (text) => {
    const hosts: HostAndPort[] = [];
    for (const [index, part] of text.split(",").entries()) {
      const host = hostAndPort(part.trim(), defaultPort);
      if (host === undefined) {
        return failure(
          `expected HOST, HOST:PORT or [IPV6]:PORT, several with commas (number ${index + 1} is not one)`,
        );
      }
      hosts.push(host);
    }
    if (hosts.length > most) {
      return failure(`expected at most ${most} hosts`);
    }
    const names = new Set(hosts.map(({ host, port }) => `${host.toLowerCase()} ${port}`));
    return names.size < hosts.length ? failure("expected each host once") : success(hosts);
  };
}

function hostAndPort(text: string, defaultPort: number): HostAndPort | undefined {
  if (isIPv6(text)) {
    return { text, host: text, port: defaultPort };
  }
  const groups = HOST_AND_PORT.exec(text)?.groups;
  const ipv6 = groups?.["ipv6"];
  const host = ipv6 ?? groups?.["host"];
  const port = groups?.["port"] === undefined ? defaultPort : Number(groups["port"]);
  const isValid = host !== undefined && (ipv6 === undefined || isIPv6(ipv6));
  return isValid && port >= 1 && port <= 65_535 ? { text, host, port } : undefined;
}

/**
 * NAME=VALUE pairs with commas between them, as OpenTelemetry writes headers and resource
 * attributes: names and values are percent-encoded, as its JavaScript SDK reads them.
 */
export function keyValueList(
  name: RegExp,
  value: RegExp,
): ParseText<Readonly<Record<string, string>>> {
  return (text) => {
    const pairs: [string, string][] = [];
    for (const [index, part] of text.split(",").entries()) {
      if (part.trim() === "") {
        continue;
      }
      const equals = part.indexOf("=");
      const key = percentDecoded(part.slice(0, equals).trim());
      const decoded = percentDecoded(part.slice(equals + 1).trim());
      if (
        equals < 1 ||
        key === undefined ||
        !name.test(key) ||
        decoded === undefined ||
        !value.test(decoded)
      ) {
        return failure(
          `expected NAME=VALUE pairs with commas, percent-encoded (pair ${index + 1} is not one)`,
        );
      }
      pairs.push([key, decoded]);
    }
    return success(Object.fromEntries(pairs));
  };
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
