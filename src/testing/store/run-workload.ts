import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NOTHING_PROMISED, hear, type Promised } from './crash-check.ts';

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The command that runs `crash-workload.ts`. */
export function workloadCommand(dir: string, seed: number, steps: number): string[] {
  const loader = pathOf('../typescript-loader.mjs');
  return [process.execPath, '--import', loader, pathOf('crash-workload.ts'), dir, String(seed), String(steps)];
}

export interface WorkloadOutcome {
  readonly promised: Promised;
  /** Null after a signal. */
  readonly code: number | null;
  readonly stderr: string;
}

/**
 * Runs a workload to its end, or kills it when it says that it begins step `killAt`: a random moment of the writes
 * under way.
 */
export function runWorkload(command: readonly string[], killAt = Number.POSITIVE_INFINITY): Promise<WorkloadOutcome> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let promised = NOTHING_PROMISED;
    let rest = '';
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const whole = rest + text;
      const end = whole.lastIndexOf('\n') + 1;
      rest = whole.slice(end);
      promised = hear(promised, whole.slice(0, end));
      if (promised.begun >= killAt) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ promised, code, stderr }));
  });
}
