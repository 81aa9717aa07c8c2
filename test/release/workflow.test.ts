// The workflow files without GitHub: actionlint's rules, their permissions, and the steps that need only a shell.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { progressToStandardError } from "../parts/progress.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";
import { bringActionlint } from "./bring-actionlint.ts";

type Step = {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
};

type Workflow = {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: Readonly<Record<string, string>>;
        readonly uses?: string;
        readonly steps?: readonly Step[];
      }
    >
  >;
};

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(ROOT, ".github/workflows");
const names = await readdir(folder);
const texts = new Map<string, string>();
for (const name of names) {
  texts.set(name, await readFile(join(folder, name), "utf8"));
}

function workflow(name: string): Workflow {
  return parse(texts.get(name) ?? "");
}

describe("actionlint", () => {
  let actionlint: string;

  before(async () => {
    actionlint = await bringActionlint(progressToStandardError);
  });

  test("finds nothing wrong with the workflows", async () => {
    await runToEnd({
      name: "actionlint",
      command: actionlint,
      args: ["-no-color", ...names.map((name) => join(folder, name))],
      timeoutMs: 60_000,
    });
  });

  test("finds an unknown output, so that no finding means something", async () => {
    const scratch = await scratchFolder("workflow");
    try {
      const broken = join(scratch.path, ".github/workflows/broken.yaml");
      await mkdir(join(broken, ".."), { recursive: true });
      await writeFile(
        broken,
        (texts.get("release.yaml") ?? "").replaceAll(
          "steps.build.outputs.digest",
          "steps.built.outputs.digest",
        ),
      );
      await assert.rejects(
        runToEnd({
          name: "actionlint",
          command: actionlint,
          args: ["-no-color", broken],
          timeoutMs: 60_000,
        }),
        /property "built" is not defined/,
      );
    } finally {
      scratch.remove();
    }
  });
});

for (const name of names) {
  const { on, permissions, jobs } = workflow(name);
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);

  test(`${name} uses actions by commit, with their release in a comment`, () => {
    const uses = (texts.get(name) ?? "")
      .split("\n")
      .map((line) => line.trim().replace(/^- /, ""))
      .filter((line) => line.startsWith("uses:") && !line.startsWith("uses: ./"));
    assert.ok(uses.length > 0);
    for (const line of uses) {
      assert.match(line, /^uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });

  test(`${name} gives each job only named permissions`, () => {
    assert.deepEqual(permissions, {});
    const silent = Object.entries(jobs).filter(([, job]) => job.permissions === undefined);
    assert.deepEqual(
      silent.map(([job]) => job),
      [],
    );
  });

  test(`${name} keeps no token in the checked-out folder`, () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    for (const checkout of checkouts) {
      assert.equal(checkout.with?.["persist-credentials"], false);
    }
  });

  test(`${name} puts no text of an event into a shell script`, () => {
    const scripts = steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
    assert.deepEqual(
      scripts.filter((script) => script.includes("${{")),
      [],
    );
    assert.ok(!("pull_request_target" in on));
    assert.ok(!("workflow_run" in on));
  });
}

describe("the version of a release", () => {
  const step = workflow("release.yaml").jobs["version"]?.steps?.find(({ id }) => id === "version");

  /** Runs the step as on GitHub, and returns its outputs. */
  async function run(tag: string): Promise<Record<string, string>> {
    const scratch = await scratchFolder("release");
    try {
      const output = join(scratch.path, "output");
      await writeFile(output, "");
      await runToEnd({
        name: "the version step",
        command: "bash",
        args: ["-e", "-o", "pipefail", "-c", step?.run ?? "exit 9"],
        cwd: ROOT,
        env: {
          ...process.env,
          GITHUB_REF_NAME: tag,
          GITHUB_REPOSITORY: "Example/Chrony-Tracker",
          GITHUB_OUTPUT: output,
        },
        timeoutMs: 30_000,
      });
      const lines = (await readFile(output, "utf8")).trim().split("\n");
      return Object.fromEntries(lines.map((line) => line.split("=", 2)));
    } finally {
      scratch.remove();
    }
  }

  test("is the tag's, if package.json agrees; the image's name is in lower case, as registries require", async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    assert.deepEqual(await run(`v${version}`), {
      version,
      image: "ghcr.io/example/chrony-tracker",
    });
  });

  test("is rejected if package.json has another one, and the sentence names both", async () => {
    await assert.rejects(run("v99.0.0"), /The tag is v99\.0\.0, but package\.json says \d/);
  });
});

describe("the artifacts of a release", () => {
  const { jobs } = workflow("release.yaml");
  const steps = jobs["artifacts"]?.steps ?? [];
  const digest = `sha256:${"d".repeat(64)}`;
  const output = "needs.version.outputs";

  function stepNamed(name: string): Step {
    const step = steps.find((one) => one.name === name);
    assert.ok(step !== undefined, `no step "${name}"`);
    return step;
  }

  /** Runs a step with a fake program that prints the real one's output. Returns its arguments and the step's outputs. */
  async function run(step: Step, program: string, env: Readonly<Record<string, string>>) {
    const scratch = await scratchFolder("artifacts");
    try {
      const [bin, fileOfOutputs, fileOfArgs] = ["bin", "output", "args"].map((name) =>
        join(scratch.path, name),
      ) as [string, string, string];
      await mkdir(bin);
      await writeFile(fileOfOutputs, "");
      const fake = `#!/bin/sh\nprintf '%s\\n' "$@" > ${fileOfArgs}\n[ -z "$FAKE_FAULT" ] || exit 1\necho "Pushed: x"\necho "Digest: ${digest}"\n`;
      await writeFile(join(bin, program), fake, { mode: 0o755 });
      await runToEnd({
        name: step.name ?? "",
        command: "bash",
        args: ["-e", "-c", step.run ?? "exit 9"],
        cwd: scratch.path,
        env: { PATH: `${bin}:${process.env["PATH"]}`, GITHUB_OUTPUT: fileOfOutputs, ...env },
        timeoutMs: 30_000,
      });
      return {
        args: (await readFile(fileOfArgs, "utf8")).trim().split("\n"),
        outputs: await readFile(fileOfOutputs, "utf8"),
      };
    } finally {
      scratch.remove();
    }
  }

  test("are pushed with the image's name and the version, and their digests become outputs", async () => {
    const chart = stepNamed("Push the chart");
    assert.deepEqual(chart.env, { CHARTS: `\${{ ${output}.image }}/charts` });
    assert.deepEqual(await run(chart, "helm", { CHARTS: "ghcr.io/o/charts" }), {
      args: ["push", "artifacts/chart.tgz", "oci://ghcr.io/o/charts"],
      outputs: `digest=${digest}\n`,
    });

    const manifests = stepNamed("Push the manifests");
    assert.equal(
      manifests.env?.["MANIFESTS"],
      `\${{ ${output}.image }}/manifests:\${{ ${output}.version }}`,
    );
    const { args, outputs } = await run(manifests, "oras", {
      MANIFESTS: "ghcr.io/o/manifests:1.2.3",
      VERSION: "1.2.3",
      SOURCE: "https://example.com/o",
      GITHUB_SHA: "0123",
    });
    assert.equal(outputs, `digest=${digest}\n`);
    assert.deepEqual(args.slice(0, 2), ["push", "ghcr.io/o/manifests:1.2.3"]);
    // The only layer type that both Flux and Argo CD accept by default.
    assert.equal(args.at(-1), "manifests.tar.gz:application/vnd.oci.image.layer.v1.tar+gzip");
    assert.ok(args.includes("org.opencontainers.image.revision=v1.2.3@sha1:0123"));
  });

  test("are not signed when a push fails", async () => {
    await assert.rejects(
      run(stepNamed("Push the chart"), "helm", { CHARTS: "x", FAKE_FAULT: "1" }),
    );
    const manifests = stepNamed("Push the manifests");
    await assert.rejects(
      run(manifests, "oras", {
        MANIFESTS: "x",
        VERSION: "1",
        SOURCE: "x",
        GITHUB_SHA: "0",
        FAKE_FAULT: "1",
      }),
    );
  });

  test("are signed by the digests of the pushes", () => {
    const { env, run: script } = stepNamed("Sign both");
    assert.deepEqual(env, {
      CHART: `\${{ ${output}.image }}/charts/chrony-tracker@\${{ steps.chart.outputs.digest }}`,
      MANIFESTS: `\${{ ${output}.image }}/manifests@\${{ steps.manifests.outputs.digest }}`,
    });
    assert.equal(script, 'cosign sign --yes "$CHART"\ncosign sign --yes "$MANIFESTS"\n');
    assert.equal(stepNamed("Push the chart").id, "chart");
    assert.equal(stepNamed("Push the manifests").id, "manifests");
  });

  test("only their job and the image's may write packages, and only the release's may write contents", () => {
    const permissions = Object.entries(jobs).map(([name, job]) => [name, job.permissions]);
    assert.deepEqual(Object.fromEntries(permissions), {
      version: { contents: "read" },
      test: { contents: "read" },
      image: { contents: "read", packages: "write", "id-token": "write" },
      pack: { contents: "read" },
      artifacts: { packages: "write", "id-token": "write" },
      release: { contents: "write", "id-token": "write" },
    });
  });
});
