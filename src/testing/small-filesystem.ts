import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Undefined where file systems can be mounted; otherwise why not. */
export function mountProblem(): string | undefined {
  if (process.platform !== 'linux') return 'file systems are mounted on Linux only';
  if (process.getuid?.() !== 0) return 'only root can mount file systems';
  const probe = join('/tmp', `parley-mount-${process.pid}`);
  mkdirSync(probe);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'parley-test', probe], { stdio: 'pipe' });
    execFileSync('umount', [probe]);
    return undefined;
  } catch (error) {
    return `mounting failed: ${(error as Error).message.trim()}`;
  } finally {
    rmSync(probe, { recursive: true });
  }
}

const FILLER = 'filler';

/** A real file system of a few megabytes, in memory, so that a full disk can be met. */
export class SmallFilesystem {
  readonly dir: string;

  /** Mounts it on an existing empty folder. */
  constructor(dir: string, mebibytes: number) {
    this.dir = dir;
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'parley-test', dir]);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.dir);
    return bavail * bsize;
  }

  /** Takes up room until only that much is free. */
  leave(freeBytes: number): void {
    this.empty();
    writeFileSync(join(this.dir, FILLER), Buffer.alloc(Math.max(0, this.freeBytes - freeBytes)));
  }

  /** Gives the room back. */
  empty(): void {
    rmSync(join(this.dir, FILLER), { force: true });
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.dir]);
  }
}
