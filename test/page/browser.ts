import { executableFromVariable, findExecutable } from "../parts/executable.ts";
import { startProcess } from "../parts/running-process.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";

const START_MS = 60_000;
const COMMAND_MS = 30_000;

/** A real Chromium with one tab, used by its DevTools protocol. */
export type Browser = {
  /**
   * Sends a command to the tab.
   *
   * @throws when the browser rejects it, or does not answer within 30 s
   */
  send(method: string, parameters?: object): Promise<Record<string, unknown>>;
  /** Loads a page, and waits until it is complete. */
  open(url: string): Promise<void>;
  /** The value of a JavaScript expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** The browser's complaints so far: what the page's policy forbade, and what did not load. */
  complaints(): readonly string[];
  stop(): Promise<void>;
};

/** The Chromium of this machine: the one of the variable CHROMIUM, or `chromium` on the path. */
export function findChromium(): string | undefined {
  return executableFromVariable("CHROMIUM") ?? findExecutable("chromium");
}

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
};

/** Starts a Chromium without network requests of its own, with a temporary profile. */
export async function startBrowser(chromium: string): Promise<Browser> {
  const profile = await scratchFolder("ct-chromium");
  const running = startProcess({
    name: "chromium",
    command: chromium,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--user-data-dir=${profile.path}`,
      "--remote-debugging-port=0",
      "about:blank",
    ],
  });
  const stop = async () => {
    await running.stop();
    profile.remove();
  };
  try {
    const line = await running.waitForLine(/DevTools listening on ws:/, START_MS);
    const { host } = new URL(line.slice(line.indexOf("ws://")));
    const tabs = await fetch(`http://${host}/json/list`, {
      signal: AbortSignal.timeout(COMMAND_MS),
    });
    const found: { type: string; webSocketDebuggerUrl: string }[] = JSON.parse(await tabs.text());
    const tab = found.find(({ type }) => type === "page");
    return { ...(await connect(tab?.webSocketDebuggerUrl ?? "")), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function connect(url: string): Promise<Omit<Browser, "stop">> {
  const socket = new WebSocket(url);
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("error", () => opened.reject(new Error(`no connection to ${url}`)));
  const answers = new Map<number, (message: Message) => void>();
  const complaints: string[] = [];
  let loaded: (() => void) | undefined;
  socket.addEventListener("message", ({ data }) => {
    const message: Message = JSON.parse(String(data));
    if (message.id !== undefined) {
      answers.get(message.id)?.(message);
    } else if (message.method === "Page.loadEventFired") {
      loaded?.();
    } else if (message.method === "Log.entryAdded") {
      complaints.push(JSON.stringify(message.params?.["entry"]));
    }
  });
  await opened.promise;

  let lastId = 0;
  const send: Browser["send"] = async (method, parameters = {}) => {
    lastId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const late = () => reject(new Error(`${method} was not answered`));
    const timer = setTimeout(late, COMMAND_MS);
    answers.set(lastId, resolve);
    socket.send(JSON.stringify({ id: lastId, method, params: parameters }));
    const { result, error } = await promise.finally(() => clearTimeout(timer));
    if (error !== undefined || result === undefined) {
      throw new Error(`${method} was refused: ${error?.message}`);
    }
    return result;
  };
  await send("Page.enable");
  await send("Log.enable");
  return {
    send,
    async open(address) {
      const complete = Promise.withResolvers<void>();
      loaded = complete.resolve;
      await send("Page.navigate", { url: address });
      await complete.promise;
    },
    async evaluate(expression) {
      const { result } = await send("Runtime.evaluate", { expression, returnByValue: true });
      return (result as { value?: unknown }).value;
    },
    complaints: () => complaints,
  };
}
