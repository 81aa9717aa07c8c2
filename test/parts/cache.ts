import { existsSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { atExit } from "./at-exit.ts";

const MAKING_PREFIX = ".making-";
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1_000;

/**
 * The folder in which parts are kept from one run to the next: `CHRONY_TRACKER_CACHE`, else
 * `chrony-tracker` in the user's folder for such things. It may not exist yet, and removing it costs
 * only the time to bring the parts again.
 */
export function cacheFolder(): string {
  const { CHRONY_TRACKER_CACHE: ownFolder, XDG_CACHE_HOME: userFolder } = process.env;
  if (ownFolder) {
    return resolve(ownFolder);
  }
  // The specification of XDG_CACHE_HOME has relative paths ignored.
  const folder = userFolder && isAbsolute(userFolder) ? userFolder : join(homedir(), ".cache");
  return join(folder, "chrony-tracker");
}

/**
 * The path of what the cache keeps under `name`, which `make` makes when it is not there yet.
 *
 * Several processes may ask for the same thing at once. Each makes its own, and the first to be
 * ready puts its own into place in one step, so that nothing half made is ever used.
 *
 * @param make fills the folder that it is given.
 */
export async function keepInCache(
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const kept = join(cacheFolder(), name);
  if (existsSync(kept)) {
    return kept;
  }
  const parent = dirname(kept);
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const making = await mkdtemp(join(parent, `${MAKING_PREFIX}${basename(kept)}-`));
  const forget = atExit(() => rmSync(making, { recursive: true, force: true, maxRetries: 3 }));
  try {
    await make(making);
    await moveIntoPlace(making, kept);
  } finally {
    await rm(making, { recursive: true, force: true });
    forget();
  }
  return kept;
}

async function moveIntoPlace(making: string, kept: string): Promise<void> {
  try {
    await rename(making, kept);
  } catch (error) {
    // Where another process was faster, what it made is as good as this.
    if (!existsSync(kept)) {
      throw error;
    }
  }
}

/** What a process left behind that was killed while it made something. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (name.startsWith(MAKING_PREFIX) && (await ageMs(path)) > ABANDONED_AFTER_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

async function ageMs(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}
