import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT, until } from './support.ts';
import type { ChildProcess } from 'node:child_process';

/** As compiled; `npm test` builds before it runs. */
export const PARLEY = join(ROOT, 'bin', 'parley.js');
const RUN_MS_MAX = 90_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home directory, and `parley` as its owner runs it. */
export class ParleyHome {
  readonly dir: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #running = new Set<ChildProcess>();

  constructor(dir: string, env: Readonly<Record<string, string>> = {}) {
    this.dir = dir;
    this.#env = env;
  }

  /** Runs it to its end. */
  run(...args: string[]): Promise<Ended> {
    return this.pipe('', ...args);
  }

  /** The same, with something on standard input. */
  async pipe(input: string | Uint8Array, ...args: string[]): Promise<Ended> {
    const program = this.start(...args);
    program.child.stdin!.on('error', () => {});
    program.child.stdin!.end(input);
    const code = await program.ended;
    return { code, stdout: program.stdout, stderr: program.stderr };
  }

  /** Runs it to its end, which has to be a good one. @returns the objects it printed with `--json` */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T[]> {
    const { code, stdout, stderr } = await this.run('--json', ...args);
    if (code !== 0) throw new Error(`parley ${args.join(' ')}: exit ${code}: ${stderr}`);
    return linesOf(stdout).map((line) => JSON.parse(line) as T);
  }

  start(...args: string[]): Running {
    const child = spawn(process.execPath, [PARLEY, '--home', this.dir, ...args], {
      env: { ...process.env, ...this.#env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: RUN_MS_MAX,
      killSignal: 'SIGKILL',
    });
    this.#running.add(child);
    child.on('close', () => this.#running.delete(child));
    return new Running(child);
  }

  /** Ends whatever still runs. */
  close(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }
}

/** A program that runs, and what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    createInterface({ input: child.stdout! }).on('line', (line) => this.lines.push(line));
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  /** Waits until it has printed so many lines. */
  async printed(count: number, timeoutMs?: number): Promise<readonly string[]> {
    await until(`${count} lines, not just ${this.stdout}${this.stderr}`, () => this.lines.length >= count, timeoutMs);
    return this.lines;
  }

  async noted(text: string, timeoutMs?: number): Promise<void> {
    await until(`“${text}” on standard error`, () => this.stderr.includes(text), timeoutMs);
  }
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
