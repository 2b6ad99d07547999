import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { until } from './support.ts';
import type { ChildProcess } from 'node:child_process';

const { Terminal } = xterm;
type Terminal = InstanceType<typeof Terminal>;
const RUN_MS_MAX = 280_000;

export interface PseudoTerminalOptions {
  /** A folder of its own. */
  readonly folder: string;
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A program in a real pseudo-terminal, which `script` of the system provides, and what its screen shows, by the
 * emulator that xterm.js has.
 */
export class PseudoTerminal {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** Everything that the program has sent. */
  output = '';
  readonly #screen: Terminal;
  readonly #folder: string;

  constructor(command: readonly string[], { folder, columns, rows, env = {} }: PseudoTerminalOptions) {
    this.#folder = folder;
    for (const file of ['tty', 'pid']) rmSync(join(folder, file), { force: true });
    this.#screen = new Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 0 });
    // The program takes the place of the shell, so it has the process id and the terminal that were written down.
    const line = [
      `tty > ${quoted(join(folder, 'tty'))}`,
      `stty rows ${rows} cols ${columns}`,
      `echo $$ > ${quoted(join(folder, 'pid'))}`,
      `exec ${command.map(quoted).join(' ')}`,
    ].join('; ');
    const args =
      process.platform === 'darwin'
        ? ['-q', '/dev/null', 'sh', '-c', line]
        : ['-q', '-e', '-f', '-c', line, '/dev/null'];
    this.child = spawn('script', args, {
      env: { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: RUN_MS_MAX,
      killSignal: 'SIGKILL',
    });
    this.child.stdin!.on('error', () => {});
    this.child.stdout!.setEncoding('utf8');
    this.child.stdout!.on('data', (text: string) => {
      this.output += text;
      this.#screen.write(text);
    });
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Of the program itself. */
  get pid(): number {
    return Number(readFileSync(join(this.#folder, 'pid'), 'utf8'));
  }

  /** What somebody would see, from top to bottom. */
  get lines(): readonly string[] {
    const { active } = this.#screen.buffer;
    const first = active.baseY;
    return Array.from(
      { length: this.#screen.rows },
      (_, i) => active.getLine(first + i)?.translateToString(true) ?? '',
    );
  }

  get text(): string {
    return this.lines.join('\n');
  }

  /** Whether the program has a screen of its own now, which leaves what stood there before alone. */
  get isAlternate(): boolean {
    return this.#screen.buffer.active.type === 'alternate';
  }

  /** As from a keyboard. */
  type(text: string): void {
    this.child.stdin!.write(text);
  }

  paste(text: string): void {
    this.type(`\u001B[200~${text}\u001B[201~`);
  }

  /** Somebody changes the size of the window. */
  async resize(columns: number, rows: number): Promise<void> {
    const tty = readFileSync(join(this.#folder, 'tty'), 'utf8').trim();
    const file = process.platform === 'darwin' ? '-f' : '-F';
    const stty = spawn('stty', [file, tty, 'rows', String(rows), 'cols', String(columns)], { stdio: 'inherit' });
    await once(stty, 'close');
    this.#screen.resize(columns, rows);
  }

  async shows(what: string | RegExp, timeoutMs = 30_000): Promise<void> {
    const isThere = (): boolean => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text));
    try {
      await until(`“${String(what)}” on the screen`, isThere, timeoutMs);
    } catch (cause) {
      throw new Error(`No ${String(what)} on the screen:\n${this.text}`, { cause });
    }
  }

  async hides(what: string, timeoutMs = 30_000): Promise<void> {
    await until(`“${what}” to be gone from the screen`, () => !this.text.includes(what), timeoutMs);
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
export const KEYS = {
  enter: '\r',
  escape: '\u001B',
  tab: '\t',
  up: '\u001B[A',
  down: '\u001B[B',
  altEnter: '\u001B\r',
  ctrlC: '\u0003',
  ctrlF: '\u0006',
  ctrlK: '\u000B',
  ctrlN: '\u000E',
  ctrlO: '\u000F',
  ctrlZ: '\u001A',
  f1: '\u001BOP',
  pageUp: '\u001B[5~',
} as const;
