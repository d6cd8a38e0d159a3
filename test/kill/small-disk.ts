import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of its own with little room. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves nothing of the room. */
  fill(): void;
  makeRoom(): void;
  unmount(): void;
}

/** Mounts one. A text: why this machine does not let us. */
export function mountSmallDisk(megabytes: number): SmallDisk | string {
  if (process.platform !== "linux") return "only Linux has tmpfs";
  const folder = mkdtempSync(join(tmpdir(), "latchkey-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "latchkey-test", folder], {
    encoding: "utf8",
  });
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true });
    return `no file system can be mounted here: ${(mounted.stderr ?? String(mounted.error)).trim()}`;
  }
  const ballast = join(folder, "ballast");
  let isMounted = true;
  function unmount(): void {
    if (!isMounted) return;
    isMounted = false;
    // Lazily: who still has a file open keeps it until it ends.
    execFileSync("umount", ["--lazy", folder]);
    rmSync(folder, { recursive: true });
  }
  process.on("exit", unmount);
  return {
    folder,
    fill() {
      const file = openSync(ballast, "a");
      try {
        for (const block of [Buffer.alloc(1 << 16), Buffer.alloc(1 << 12)]) writeUntilFull(file, block);
      } finally {
        closeSync(file);
      }
    },
    makeRoom: () => rmSync(ballast),
    unmount,
  };
}

function writeUntilFull(file: number, block: Buffer): void {
  for (;;) {
    try {
      if (writeSync(file, block) < block.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
      throw error;
    }
  }
}
