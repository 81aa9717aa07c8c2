/** `npm run alerts`: writes the files that are made from alerts/rules.ts and alerts/thresholds.ts. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { derivedFiles } from "../alerts/files.ts";
import { ALERT_GROUPS } from "../alerts/rules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

for (const [path, text] of derivedFiles(ALERT_GROUPS)) {
  const file = join(ROOT, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  process.stdout.write(`${path}\n`);
}
