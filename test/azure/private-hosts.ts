import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A command that runs the one behind it where these names lead to the address, for it and what it
 * starts alone: in a mount namespace of its own with another /etc/hosts. Needs root.
 *
 * @param folder keeps the file; it must be there as long as the command runs.
 */
export async function withPrivateHosts(
  folder: string,
  hostNames: readonly string[],
  address: string,
): Promise<readonly string[]> {
  const file = join(folder, "hosts");
  await writeFile(file, `127.0.0.1 localhost\n${address} ${hostNames.join(" ")}\n`);
  const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "sh", file];
}
