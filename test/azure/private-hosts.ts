import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A command that runs another one in a mount namespace with its own /etc/hosts, in which these names have this address.
 * It needs root.
 *
 * @param folder for the file; it must exist while the command runs
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
