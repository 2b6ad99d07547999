import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const LOADER = new URL('./typescript-loader.mjs', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As large as a file may become; the next write to it fails, as on a full disk. */
export interface ProgramLimits {
  readonly fileBytesMax: number;
}

const SHELL_BLOCK_BYTES = 512;

/** Runs a program straight from its source, in a process of its own. `file` counts from the root of the repository. */
export function runSource(file: string, args: readonly string[], limits?: ProgramLimits): Promise<ProgramResult> {
  const command = [process.execPath, '--import', LOADER, file, ...args];
  const [program, ...rest] = limits === undefined ? command : ['sh', '-c', limitedBy(limits), 'sh', ...command];
  return new Promise((resolve) => {
    const options = { cwd: ROOT, maxBuffer: OUTPUT_BYTES_MAX };
    const child = execFile(program!, rest, options, (_, stdout, stderr) => {
      // A process that a signal ended has no code.
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

const limitedBy = ({ fileBytesMax }: ProgramLimits): string =>
  `ulimit -f ${Math.floor(fileBytesMax / SHELL_BLOCK_BYTES)} && exec "$@"`;
