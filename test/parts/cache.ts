import { existsSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { atExit } from "./at-exit.ts";

const MAKING_PREFIX = ".making-";
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1_000;

/**
 * The folder of the cache: `CHRONY_TRACKER_CACHE`, else `chrony-tracker` in the user's cache folder. It may not exist yet.
 * It can be removed; the parts are then brought again.
 */
function cacheFolder(): string {
  const { CHRONY_TRACKER_CACHE: ownFolder, XDG_CACHE_HOME: userFolder } = process.env;
  if (ownFolder) {
    return resolve(ownFolder);
  }
  // By its specification, XDG_CACHE_HOME is ignored if it is relative.
  const folder = userFolder && isAbsolute(userFolder) ? userFolder : join(homedir(), ".cache");
  return join(folder, "chrony-tracker");
}

/**
 * The path of the entry `name` in the cache. `make` makes it if it does not exist.
 *
 * Several processes may need the same entry at once. Each makes its own, and the first one that is ready moves its own
 * into place atomically, so that an incomplete entry is never used.
 *
 * @param make fills the given folder
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
    // If another process was faster, its entry is used.
    if (!existsSync(kept)) {
      throw error;
    }
  }
}

/** Removes what killed processes left behind. */
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
